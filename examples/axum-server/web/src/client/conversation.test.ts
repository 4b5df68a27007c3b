import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { TaskApi } from './api'
import { Conversation } from './conversation'
import { ApiError, Unreachable } from './http'
import type { LogEvent } from './events'
import type { Task } from './schema'
import { Transcript } from './transcript'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** A server with one task, whose log is `texts` of the agent. */
class FakeApi {
  readonly log: LogEvent[] = []
  status: Task['status'] = 'completed'
  fails: Error | undefined
  keys: string[] = []

  say(text: string): void {
    const seq = this.log.length + 1
    this.log.push({ task_id: 't', seq, at: '2026-01-01T00:00:00.000Z', kind: 'text', block: `b${seq}`, text })
  }

  task = () => this.answer({ id: 't', status: this.status, seq: this.log.length, requests: [] } as unknown as Task)

  messages = () => {
    const fold = new Transcript()
    for (const event of this.log) fold.push(event)
    return this.answer({ messages: structuredClone([...fold.messages()]), seq: this.log.length, has_more: false })
  }

  events = (_: string, after: number) => {
    const events = this.log.filter(({ seq }) => seq > after)
    return this.answer({ events, seq: events.at(-1)?.seq ?? after, has_more: false })
  }

  /** What is stored after `after`; then it stays open. */
  stream = (_: string, after: number) => {
    const events = this.log.filter(({ seq }) => seq > after)
    const frames = events.map((event) => `id: ${event.seq}\nevent: text\ndata: ${JSON.stringify(event)}\n\n`).join('')
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(`: \n\n${frames}`)),
    })
    return Promise.resolve(new Response(body))
  }

  send = (_: string, _text: string, _delivery: string, key: string) => {
    this.keys.push(key)
    return this.answer({ message_id: 'm', seq: 1, status: 'pending' })
  }

  answer<T>(value: T): Promise<T> {
    return this.fails ? Promise.reject(this.fails) : Promise.resolve(value)
  }
}

function open(api: FakeApi) {
  const conversation = new Conversation({
    api: api as unknown as TaskApi,
    slots: { take: () => Promise.resolve(() => undefined) },
    task: 't',
    schedule: (flush) => void setTimeout(flush, 16),
  })
  return { conversation, close: conversation.open() }
}

test('a settled task is read and not followed', async () => {
  const api = new FakeApi()
  api.say('hello')
  const stream = vi.spyOn(api, 'stream')
  const { conversation, close } = open(api)
  await settle()
  expect(conversation.view()).toMatchObject({ phase: 'ready', connection: { kind: 'idle' } })
  expect(conversation.view().messages).toHaveLength(1)
  expect(stream).not.toHaveBeenCalled()
  close()
})

test('a server that is away is asked again until it is there', async () => {
  const api = new FakeApi()
  api.say('hello')
  api.fails = new Unreachable('down')
  const { conversation, close } = open(api)
  await settle()
  expect(conversation.view().phase).toBe('failed')
  await settle(3_000)
  api.fails = undefined
  await settle(5_000)
  expect(conversation.view().phase).toBe('ready')
  close()
})

test('a task that is not there is not asked for again', async () => {
  const api = new FakeApi()
  api.fails = new ApiError(404, { code: 'not_found' })
  const { conversation, close } = open(api)
  const task = vi.spyOn(api, 'task')
  await settle(60_000)
  expect(conversation.view().phase).toBe('missing')
  expect(task).toHaveBeenCalledTimes(0)
  close()
})

test('two loads at once fold nothing twice', async () => {
  const api = new FakeApi()
  api.status = 'running'
  api.say('one')
  const { conversation, close } = open(api)
  api.say('two')
  void conversation.load()
  await settle(100)
  expect(conversation.view().messages.flatMap(({ content }) => content)).toEqual([
    { type: 'text', text: 'one' },
    { type: 'text', text: 'two' },
  ])
  close()
})

test('what cannot be sent says why, and the second try has the same key', async () => {
  const api = new FakeApi()
  const { conversation, close } = open(api)
  await settle()
  api.fails = new Unreachable('down')
  expect(await conversation.send('hi', 'queue', 'key')).toBe(false)
  expect(conversation.view().outgoing).toMatchObject([{ text: 'hi', accepted: false, error: api.fails }])
  api.fails = undefined
  expect(await conversation.send('hi', 'queue', 'key')).toBe(true)
  expect(api.keys).toEqual(['key', 'key'])
  expect(conversation.view().outgoing).toMatchObject([{ accepted: true }])
  close()
})

test('what is closed does nothing more', async () => {
  const api = new FakeApi()
  api.fails = new Unreachable('down')
  const { close } = open(api)
  await settle()
  close()
  expect(vi.getTimerCount()).toBe(0)
})
