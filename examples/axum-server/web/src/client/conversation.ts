import type { TaskApi } from './api'
import { backoff } from './backoff'
import { Connection, type ConnectionState } from './connection'
import { isOutput, isSettled, type LogEvent } from './events'
import { ApiError } from './http'
import type { Delivery, Task, TranscriptMessage } from './schema'
import type { StreamSlots } from './slots'
import { Transcript } from './transcript'

/** A message on its way. */
export interface Outgoing {
  key: string
  text: string
  delivery: Delivery
  /** The server has it; the log has not told of it yet. */
  accepted: boolean
  /** Why it could not be sent. */
  error?: unknown
}

/** What there is to show of a task. A new object whenever anything changed. */
export interface ConversationView {
  phase: 'loading' | 'ready' | 'missing' | 'failed'
  error: unknown
  task: Task | undefined
  messages: readonly TranscriptMessage[]
  hasOlder: boolean
  loadingOlder: boolean
  connection: ConnectionState
  outgoing: readonly Outgoing[]
}

export interface ConversationOptions {
  api: TaskApi
  slots: Pick<StreamSlots, 'take'>
  task: string
  /** Calls back when it is time to show what changed; once per frame in a page. */
  schedule: (flush: () => void) => void
}

/**
 * A task and its conversation, kept current: the task, then the newest messages, then the log from where they end.
 * It belongs to no framework: a page subscribes and reads {@link view}.
 */
export class Conversation {
  readonly #options: ConversationOptions
  readonly #listeners = new Set<() => void>()
  #abort = new AbortController()
  /** The ids that messages on their way got. */
  readonly #sent = new Map<string, string>()
  #transcript = new Transcript()
  #connection: Connection | undefined
  #scheduled = false
  #loads = 0
  #attempt = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #refreshing = false
  #refreshAgain = false
  #seen = 0
  #lastEventAt = ''
  #view: ConversationView = {
    phase: 'loading',
    error: undefined,
    task: undefined,
    messages: [],
    hasOlder: false,
    loadingOlder: false,
    connection: { kind: 'connecting' },
    outgoing: [],
  }

  constructor(options: ConversationOptions) {
    this.#options = options
  }

  /** Begins; the function it gives ends it. It can begin again after that. */
  open(): () => void {
    if (this.#abort.signal.aborted) this.#abort = new AbortController()
    if (this.#connection === undefined) void this.load()
    return () => this.close()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly view = (): ConversationView => this.#view

  /** Begins from the start: the task and its newest messages. */
  async load(): Promise<void> {
    const { api, task: id } = this.#options
    const signal = this.#abort.signal
    clearTimeout(this.#retry)
    const turn = ++this.#loads
    try {
      const [task, page] = await Promise.all([api.task(id, signal), api.messages(id, PAGE, undefined, signal)])
      const recent = await api.events(id, Math.max(0, page.seq - SEAM), SEAM, signal)
      // Another one was faster: the connection goes on from what that one read.
      if (turn !== this.#loads) return
      this.#transcript = new Transcript(page.messages, recent.events.filter(({ seq }) => seq <= page.seq))
      this.#attempt = 0
      this.#set({ phase: 'ready', error: undefined, task, messages: this.#transcript.messages(), hasOlder: page.has_more })
      this.#follow(page.seq)
    } catch (error) {
      if (signal.aborted || turn !== this.#loads) return
      if (error instanceof ApiError && error.status === 404) return this.#set({ phase: 'missing', error })
      this.#set({ phase: 'failed', error })
      this.#attempt += 1
      this.#retry = setTimeout(() => void this.load(), backoff(this.#attempt))
    }
  }

  async loadOlder(): Promise<void> {
    const first = this.#view.messages[0]
    if (!this.#view.hasOlder || this.#view.loadingOlder || first === undefined) return
    this.#set({ loadingOlder: true })
    try {
      const page = await this.#options.api.messages(this.#options.task, PAGE, first.seq, this.#abort.signal)
      this.#transcript.prepend(page.messages)
      this.#set({ messages: this.#transcript.messages(), hasOlder: page.has_more, loadingOlder: false })
    } catch {
      // The reader asks again by scrolling there.
      this.#set({ loadingOlder: false })
    }
  }

  /** Sends a message. A repeat with the same key, after a failure, arrives once. */
  async send(text: string, delivery: Delivery, key: string = crypto.randomUUID()): Promise<boolean> {
    this.#outgoing(key, { key, text, delivery, accepted: false })
    try {
      const sent = await this.#options.api.send(this.#options.task, text, delivery, key)
      const task = this.#view.task
      if (task && isSettled(task.status)) this.#set({ task: { ...task, status: sent.status } })
      this.#follow(this.#connection?.after ?? 0)
      void this.refresh()
      this.#sent.set(key, sent.message_id)
      this.#outgoing(key, { key, text, delivery, accepted: true })
      this.#flush()
      return true
    } catch (error) {
      this.#outgoing(key, { key, text, delivery, accepted: false, error })
      return false
    }
  }

  /** Forgets a message that could not be sent. */
  discard(key: string): void {
    this.#outgoing(key, undefined)
  }

  async answer(request: string, answer: unknown): Promise<void> {
    const task = await this.#options.api.answer(this.#options.task, request, answer)
    this.#takeTask(task)
    this.#follow(this.#connection?.after ?? 0)
  }

  async cancel(): Promise<void> {
    this.#takeTask(await this.#options.api.cancel(this.#options.task))
  }

  async rename(title: string): Promise<void> {
    this.#takeTask(await this.#options.api.rename(this.#options.task, title))
  }

  /** Asks for the task again. Another tab may have resumed it: then the log goes on. */
  async refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#refreshAgain = true
      return
    }
    this.#refreshing = true
    try {
      this.#takeTask(await this.#options.api.task(this.#options.task, this.#abort.signal))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#set({ phase: 'missing', error })
    } finally {
      this.#refreshing = false
      if (this.#refreshAgain && !this.#abort.signal.aborted) {
        this.#refreshAgain = false
        void this.refresh()
      }
    }
  }

  retryNow(): void {
    this.#connection?.retryNow()
  }

  /** The page was away: the connection may be dead without knowing it. */
  wake(): void {
    if (this.#view.phase === 'failed') void this.load()
    else this.#connection?.check()
    void this.refresh()
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#abort.abort()
    this.#connection?.close()
    this.#connection = undefined
  }

  #follow(after: number) {
    const task = this.#view.task
    if (this.#abort.signal.aborted || task === undefined) return
    if (this.#connection === undefined) {
      this.#connection = new Connection({
        api: this.#options.api,
        slots: this.#options.slots,
        task: this.#options.task,
        after,
        onEvent: (event) => this.#event(event),
        onState: (connection) => this.#connected(connection),
        onDoubt: () => void this.refresh(),
      })
      if (isSettled(task.status) && task.seq <= after) return this.#set({ connection: { kind: 'idle' } })
    }
    this.#connection.start()
  }

  #connected(connection: ConnectionState) {
    if (connection.kind !== 'gone') return this.#set({ connection })
    // Deleted, or put back to an earlier state: only a new start tells.
    this.#connection?.close()
    this.#connection = undefined
    this.#seen = 0
    void this.load()
  }

  #event(event: LogEvent) {
    this.#transcript.push(event)
    this.#seen = event.seq
    this.#lastEventAt = event.at
    if (!isOutput(event.kind)) void this.refresh()
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.schedule(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush() {
    const messages = this.#transcript.messages()
    const ids = new Set(messages.slice(-RECENT).map((message) => message.id))
    const outgoing = this.#view.outgoing.filter(({ key }) => !ids.has(this.#sent.get(key) ?? ''))
    this.#set({ messages, outgoing: outgoing.length === this.#view.outgoing.length ? this.#view.outgoing : outgoing })
  }

  /** Takes a newer state of the task in; answers may overtake each other. */
  #takeTask(task: Task) {
    const known = this.#view.task
    if (known && task.seq < known.seq && task.id === known.id) return
    this.#set({ task })
    if (this.#connection && task.seq > this.#connection.after) this.#connection.start()
  }

  #outgoing(key: string, outgoing: Outgoing | undefined) {
    const others = this.#view.outgoing.filter((other) => other.key !== key)
    this.#set({ outgoing: outgoing ? [...others, outgoing] : others })
  }

  #set(change: Partial<ConversationView>) {
    const view = { ...this.#view, ...change }
    // The stream is ahead of the answers about the task.
    if (view.task && this.#seen > view.task.seq) {
      view.task = { ...view.task, last_event_at: this.#lastEventAt }
    }
    this.#view = view
    for (const listener of this.#listeners) listener()
  }
}

/** Messages asked for at once. One may have 256 blocks. */
const PAGE = 30

/** Events read before the end of the page, to know whether the next delta belongs to the last block. */
const SEAM = 64

/** Messages among which one that was just sent must be. */
const RECENT = 200
