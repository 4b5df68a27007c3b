import { afterEach, expect, test, vi } from 'vitest'

import { readFrames, Silence, type Frame } from './sse'

const encoder = new TextEncoder()

afterEach(() => vi.useRealTimers())

function body(...chunks: Array<string | Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
      controller.close()
    },
  })
}

async function frames(stream: ReadableStream<Uint8Array>): Promise<Frame[]> {
  const read: Frame[] = []
  await readFrames(stream, 1_000, (frame) => read.push(frame))
  return read
}

test('frames are whole however the bytes are cut', async () => {
  const text = 'retry: 1000\n\nid: 7\nevent: text\ndata: {"text":"世界"}\n\nevent: heartbeat\ndata: {}\n\n'
  const bytes = encoder.encode(text)
  for (let at = 1; at < bytes.length; at++) {
    expect(await frames(body(bytes.slice(0, at), bytes.slice(at)))).toEqual([
      { id: 7, event: 'text', data: '{"text":"世界"}' },
      { id: undefined, event: 'heartbeat', data: '{}' },
    ])
  }
})

test('a frame that is not whole when the stream ends is none', async () => {
  expect(await frames(body('id: 1\nevent: text\ndata: {}\n'))).toEqual([])
})

test('silence ends the reading, and any byte is a sign of life', async () => {
  vi.useFakeTimers()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) })
  const reading = readFrames(stream, 1_000, () => undefined)
  const end = expect(reading).rejects.toThrow(Silence)
  await vi.advanceTimersByTimeAsync(900)
  controller?.enqueue(encoder.encode(':'))
  await vi.advanceTimersByTimeAsync(900)
  controller?.enqueue(encoder.encode('da'))
  await vi.advanceTimersByTimeAsync(999)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  await end
})
