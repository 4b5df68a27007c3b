import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { EventPage } from './api'
import { Connection, type ConnectionOptions, type ConnectionState } from './connection'
import type { LogEvent } from './events'

const encoder = new TextEncoder()

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A log that is served as it is told to. */
class FakeServer {
  readonly log: LogEvent[] = []
  readonly asked: number[] = []
  /** What the next streams do, in turn; after that they send what there is and stay open. */
  readonly turns: Array<(after: number) => Response> = []
  polls = 0

  event(kind: 'text' | 'completed' = 'text'): void {
    const seq = this.log.length + 1
    const at = '2026-01-01T00:00:00.000Z'
    this.log.push({ task_id: 't', seq, at, kind, block: 'b', text: '' } as LogEvent)
  }

  frames(after: number): string {
    const events = this.log.filter(({ seq }) => seq > after)
    return events.map((event) => `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  }

  stream = (_: string, after: number, signal: AbortSignal): Promise<Response> => {
    this.asked.push(after)
    const turn = this.turns.shift()
    return Promise.resolve(turn ? turn(after) : this.open(this.frames(after), signal))
  }

  /** A stream that stays open. */
  open(text: string, signal?: AbortSignal): Response {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode(text || ':'))
        signal?.addEventListener('abort', () => controller.error(signal.reason))
      },
    })
    return new Response(stream)
  }

  events = (_: string, after: number, limit: number): Promise<EventPage> => {
    this.polls += 1
    const left = this.log.filter(({ seq }) => seq > after)
    const events = left.slice(0, limit)
    return Promise.resolve({ events, seq: events.at(-1)?.seq ?? after, has_more: left.length > events.length })
  }
}

function connect(server: FakeServer, more: Partial<ConnectionOptions> = {}) {
  const seen: number[] = []
  const states: ConnectionState['kind'][] = []
  let doubts = 0
  const connection = new Connection({
    api: server,
    task: 't',
    after: 0,
    slots: { take: () => Promise.resolve(() => undefined) },
    onEvent: ({ seq }) => seen.push(seq),
    onState: ({ kind }) => states.push(kind),
    onDoubt: () => (doubts += 1),
    random: () => 0.5,
    ...more,
  })
  connection.start()
  return { connection, seen, states, doubts: () => doubts }
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

test('a stream that breaks off goes on behind the last event that was taken in', async () => {
  const server = new FakeServer()
  for (let n = 0; n < 5; n++) server.event()
  server.turns.push(
    () => new Response(server.frames(0).split('\n\n').slice(0, 3).join('\n\n') + '\n\n'),
    () => new Response(null, { status: 503 }),
  )
  const { connection, seen, states, doubts } = connect(server)
  await settle()
  expect(seen).toEqual([1, 2, 3])
  expect(states.at(-1)).toBe('broken')
  await settle(500)
  await settle(1_000)
  expect(server.asked).toEqual([0, 3, 3])
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(states.at(-1)).toBe('live')
  expect(doubts()).toBe(2)
  connection.close()
})

test('what was taken in before is not taken in again', async () => {
  const server = new FakeServer()
  for (let n = 0; n < 3; n++) server.event()
  server.turns.push(() => server.open(server.frames(0) + server.frames(0)))
  const { connection, seen, states } = connect(server)
  await settle(1_000)
  expect(seen).toEqual([1, 2, 3])
  // And is no reason to begin anew.
  expect([states, server.asked]).toEqual([['live'], [0]])
  connection.close()
})

test('a gap is never shown: the log is asked for again from before it', async () => {
  const server = new FakeServer()
  for (let n = 0; n < 4; n++) server.event()
  server.turns.push(() => server.open(server.frames(0).split('\n\n').filter((_, at) => at !== 1).join('\n\n')))
  const { connection, seen } = connect(server)
  await settle()
  expect(seen).toEqual([1])
  await settle(600)
  expect(server.asked).toEqual([0, 1])
  expect(seen).toEqual([1, 2, 3, 4])
  connection.close()
})

test('a silent stream is given up and made anew', async () => {
  const server = new FakeServer()
  const { connection, states } = connect(server)
  await settle(44_999)
  expect(server.asked).toEqual([0])
  expect(states).toEqual(['live'])
  await settle(1_000)
  expect(server.asked).toEqual([0, 0])
  connection.close()
})

test('after a sleep a stale stream is not waited for', async () => {
  const server = new FakeServer()
  const { connection } = connect(server)
  await settle(10_000)
  connection.check()
  await settle()
  expect(server.asked).toEqual([0])
  await settle(15_000)
  connection.check()
  await settle()
  expect(server.asked).toEqual([0, 0])
  connection.close()
})

test('the end of the task ends the connection, and a resumed task goes on', async () => {
  const server = new FakeServer()
  server.event('completed')
  server.turns.push(() => new Response(`${server.frames(0)}event: end\ndata: {"seq":1,"status":"completed"}\n\n`))
  const { connection, seen, states, doubts } = connect(server)
  await settle(60_000)
  expect(states).toEqual(['live', 'idle'])
  expect(server.asked).toEqual([0])
  expect(doubts()).toBe(2)
  server.event()
  connection.start()
  await settle()
  expect(seen).toEqual([1, 2])
  connection.close()
})

test('a start that comes while it ends is not lost', async () => {
  const server = new FakeServer()
  server.turns.push(() => new Response(null, { status: 204 }))
  const { connection, seen } = connect(server, {
    onState: ({ kind }) => {
      // The task was resumed in the moment in which it was found settled.
      if (kind !== 'idle') return
      server.event()
      connection.start()
    },
  })
  await settle()
  expect(seen).toEqual([1])
  connection.close()
})

test('a task that is gone is not asked for again', async () => {
  const server = new FakeServer()
  server.turns.push(() => Response.json({ code: 'not_found' }, { status: 404 }))
  const { connection, states } = connect(server)
  await settle(120_000)
  expect(states).toEqual(['gone'])
  expect(server.asked).toHaveLength(1)
  connection.close()
})

test('a log that is shorter than what was seen is another log', async () => {
  const server = new FakeServer()
  server.turns.push(() => Response.json({ code: 'cursor_ahead' }, { status: 409 }))
  const { connection, states } = connect(server, { after: 7 })
  await settle(60_000)
  expect([states, server.asked]).toEqual([['gone'], [7]])
  connection.close()
})

test('without a place it asks now and then, and takes one when there is one', async () => {
  const server = new FakeServer()
  server.event()
  let isFree = false
  const take = () => Promise.resolve(isFree ? () => undefined : undefined)
  const { connection, seen, states } = connect(server, { slots: { take } })
  await settle()
  expect(states).toEqual(['polling'])
  server.event()
  await settle(2_000)
  expect(seen).toEqual([1, 2])
  isFree = true
  await settle(6_000)
  expect(states).toEqual(['polling', 'live'])
  expect(server.asked).toEqual([2])
  connection.close()
})

test('whoever has to make room asks now and then, and does not take the place back at once', async () => {
  const server = new FakeServer()
  let makeRoom: (() => void) | undefined
  let held = 0
  const take = (onYield: () => void) => {
    held += 1
    makeRoom = onYield
    return Promise.resolve(() => void (held -= 1))
  }
  const { connection, states } = connect(server, { slots: { take } })
  await settle()
  expect(held).toBe(1)
  makeRoom?.()
  await settle()
  expect(held).toBe(0)
  expect(states.at(-1)).toBe('polling')
  await settle(2_500)
  expect(held).toBe(0)
  connection.close()
})
