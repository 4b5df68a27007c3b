import { createParser } from 'eventsource-parser'

/** A frame of a stream. Frames without an id move no cursor. */
export interface Frame {
  id: number | undefined
  event: string
  data: string
}

/** Nothing came for so long that the connection must be taken for dead. */
export class Silence extends Error {
  constructor(ms: number) {
    super(`nothing came for ${ms} ms`)
    this.name = 'Silence'
  }
}

/**
 * Reads a stream of server-sent events until it ends. Every byte counts as a sign of life, also of a frame that is not
 * whole yet; after `silence` milliseconds without one it throws {@link Silence}.
 *
 * A browser's `EventSource` shows neither status codes nor heartbeats, so it cannot tell a quiet stream from a dead one.
 */
export async function readFrames(
  body: ReadableStream<Uint8Array>,
  silence: number,
  onFrame: (frame: Frame) => void,
): Promise<void> {
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      onFrame({ id: id === undefined || id === '' ? undefined : Number(id), event: event ?? 'message', data })
    },
  })
  const text = new TextDecoder()
  const reader = body.getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  const alarm = () =>
    new Promise<never>((_, reject) => {
      clearTimeout(timer)
      timer = setTimeout(() => reject(new Silence(silence)), silence)
    })
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), alarm()])
      if (done) return
      parser.feed(text.decode(value, { stream: true }))
    }
  } finally {
    clearTimeout(timer)
    // The connection is given back, also when nobody reads to the end.
    reader.cancel().catch(() => undefined)
  }
}
