import type { TaskApi } from './api'
import { backoff } from './backoff'
import type { LogEvent } from './events'
import { ApiError, problem } from './http'
import { readFrames } from './sse'
import type { StreamSlots } from './slots'

/** How a page is connected to the log of its task. */
export type ConnectionState =
  /** The first answer is on its way. */
  | { kind: 'connecting' }
  /** Events arrive as they are recorded. */
  | { kind: 'live' }
  /** Other tabs have the connections; what is new is asked for every other second. */
  | { kind: 'polling' }
  /** It broke off at `since`; the next try is at `retryAt`. Times of this clock, in milliseconds. */
  | { kind: 'broken'; since: number; retryAt: number; attempt: number }
  /** The task is settled: nothing more comes. */
  | { kind: 'idle' }
  /** The task, or this log of it, is not there any more. */
  | { kind: 'gone' }

export interface ConnectionOptions {
  api: Pick<TaskApi, 'stream' | 'events'>
  task: string
  /** The last event that was taken in. */
  after: number
  slots: Pick<StreamSlots, 'take'>
  onEvent: (event: LogEvent) => void
  onState: (state: ConnectionState) => void
  /** Called at every (re)connection and at the end of the log: whatever else is shown of the task must be asked again. */
  onDoubt: () => void
  /** Milliseconds without a byte after which a stream is dead. */
  silence?: number
  random?: () => number
}

/**
 * Follows the log of a task: each event once, in order, from wherever it broke off. Whatever happens to the
 * connection, the only anchor is the last event that was taken in.
 */
export class Connection {
  readonly #options: ConnectionOptions
  #after: number
  #state: ConnectionState = { kind: 'connecting' }
  #attempt = 0
  #brokenSince = 0
  #abort = new AbortController()
  #wake: (() => void) | undefined
  #closed = false
  #running = false
  /** Somebody asked to start while it was running, perhaps just ending. */
  #again = false
  /** Somebody wants the next try now. */
  #hurry = false
  /** Another tab asked for the place. */
  #yielded = false
  /** The connection was broken off on purpose: that is no trouble to wait after. */
  #intended = false
  #lastFrameAt = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#after = options.after
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** The last event that was taken in. */
  get after(): number {
    return this.#after
  }

  /** Begins, or goes on after the task was settled. */
  start(): void {
    if (this.#closed) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    void this.#run().finally(() => {
      this.#running = false
      if (this.#again) this.start()
    })
  }

  /** Tries at once rather than when it would be time, and for a stream rather than asking now and then. */
  retryNow(): void {
    this.#hurry = true
    this.#wake?.()
  }

  /** The machine slept or the network changed: a stream that should have said something since is dead. */
  check(): void {
    if (this.#state.kind === 'live' && Date.now() - this.#lastFrameAt > STALE) this.#breakOff()
    else if (this.#state.kind !== 'live') this.retryNow()
  }

  close(): void {
    this.#closed = true
    this.#abort.abort()
    this.#wake?.()
  }

  #breakOff() {
    this.#intended = true
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#again = false
      this.#hurry = false
      this.#intended = false
      this.#abort = new AbortController()
      let end: 'again' | 'gone' | 'settled' = 'again'
      try {
        end = await this.#session(this.#abort)
      } catch (error) {
        // Beyond the end there is another log under the same name: a store that was put back.
        if (error instanceof ApiError && (error.status === 404 || error.code === 'cursor_ahead')) end = 'gone'
        else if (!this.#intended && !this.#closed) {
          await this.#pause()
          continue
        }
      }
      if (this.#closed) return
      if (end === 'gone') return this.#set({ kind: 'gone' })
      if (end === 'settled') {
        this.#set({ kind: 'idle' })
        return this.#options.onDoubt()
      }
    }
  }

  /** One connection, from its begin to its end. */
  async #session(abort: AbortController): Promise<'again' | 'settled'> {
    const yielded = this.#yielded
    this.#yielded = false
    const makeRoom = () => {
      this.#yielded = true
      this.#breakOff()
    }
    const release = yielded ? undefined : await this.#options.slots.take(makeRoom)
    if (this.#closed) {
      release?.()
      return 'again'
    }
    try {
      return await (release === undefined ? this.#poll(abort.signal) : this.#stream(abort.signal))
    } finally {
      abort.abort()
      release?.()
    }
  }

  async #stream(signal: AbortSignal): Promise<'again' | 'settled'> {
    const { api, task, silence = SILENCE } = this.#options
    const response = await api.stream(task, this.#after, signal)
    if (response.status === 204) return 'settled'
    if (!response.ok || response.body === null) throw await problem(response)
    this.#connected({ kind: 'live' })
    let settled = false
    await readFrames(response.body, silence, ({ id, event, data }) => {
      this.#lastFrameAt = Date.now()
      if (event === 'end') settled = true
      else if (id !== undefined) this.#take(JSON.parse(data) as LogEvent)
    })
    if (settled) return 'settled'
    throw new Error('the stream ended')
  }

  async #poll(signal: AbortSignal): Promise<'again' | 'settled'> {
    const { api, task } = this.#options
    // Now and then it tries whether there is a place after all.
    for (let round = 0; round < ROUNDS; round++) {
      const page = await api.events(task, this.#after, PAGE, signal)
      this.#connected({ kind: 'polling' })
      for (const event of page.events) this.#take(event)
      if (page.has_more) round = 0
      else if (ENDS.has(page.events.at(-1)?.kind ?? '')) return 'settled'
      else await this.#sleep(POLL, signal)
      if (signal.aborted || this.#hurry) break
    }
    return 'again'
  }

  /** Takes an event in unless it was before. A gap means that something between dropped it: then all is asked again. */
  #take(event: LogEvent) {
    if (event.seq <= this.#after) return
    if (event.seq !== this.#after + 1) throw new Error(`event ${event.seq} came after ${this.#after}`)
    this.#after = event.seq
    this.#options.onEvent(event)
  }

  #connected(state: ConnectionState) {
    this.#lastFrameAt = Date.now()
    const isNew = this.#state.kind !== state.kind
    this.#attempt = 0
    this.#brokenSince = 0
    if (!isNew) return
    this.#set(state)
    this.#options.onDoubt()
  }

  async #pause() {
    const now = Date.now()
    this.#attempt += 1
    this.#brokenSince ||= now
    const wait = backoff(this.#attempt, this.#options.random)
    this.#set({ kind: 'broken', since: this.#brokenSince, retryAt: now + wait, attempt: this.#attempt })
    await this.#sleep(wait)
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done)
      this.#wake = done
    })
  }

  #set(state: ConnectionState) {
    if (this.#closed) return
    this.#state = state
    this.#options.onState(state)
  }
}

/** Three heartbeats of the server. */
const SILENCE = 45_000

/** A heartbeat and a little more: after a sleep, nobody waits for three of them. */
const STALE = 20_000

/** Milliseconds between two questions of a tab without a stream. */
const POLL = 2_000

/** Questions until it tries for a stream again. */
const ROUNDS = 3

/** Events asked for at once. */
const PAGE = 1_000

const ENDS = new Set(['completed', 'failed', 'cancelled', 'interrupted'])
