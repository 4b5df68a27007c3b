import type { LogEvent } from './events'
import type { Block, Content, DeliveryState, NoticeLevel, ToolStatus, TranscriptMessage } from './schema'

/**
 * The log as a conversation: the fold that the server does, continued in the page. What a message looks like must not
 * depend on who folded it; a browser test holds one against the other.
 *
 * Messages that were given out are never changed: a message that changes is copied first, once between two calls of
 * {@link messages}.
 */
export class Transcript {
  #messages: TranscriptMessage[]
  #own = new Set<TranscriptMessage>()
  #shared = true
  #run = 0
  /** Whether the newest message is the agent's and its turn goes on. */
  #inTurn = false
  /** The block that the newest delta belongs to. */
  #delta: string | undefined

  /** Goes on behind `messages`; `recent` are the last events that they were folded from. */
  constructor(messages: TranscriptMessage[] = [], recent: LogEvent[] = []) {
    this.#messages = messages
    this.#run = messages.reduce((run, message) => Math.max(run, message.run), 0)
    this.#inTurn = messages.at(-1)?.role === 'agent'
    for (const event of recent) this.#seam(event)
  }

  /** The messages, oldest first: the same array and the same objects as long as nothing changed. */
  messages(): readonly TranscriptMessage[] {
    this.#own.clear()
    this.#shared = true
    return this.#messages
  }

  /** Puts older messages in front. */
  prepend(older: TranscriptMessage[]): void {
    const known = new Set(this.#messages.map((message) => message.id))
    this.#messages = [...older.filter((message) => !known.has(message.id)), ...this.#messages]
  }

  /** Takes the next event in. */
  push(event: LogEvent): void {
    switch (event.kind) {
      case 'message':
        this.#endTurn()
        this.#append(event, 'user', {
          id: event.message_id,
          delivery: 'queued',
          content: event.content.map(contentBlock).filter((block) => block !== undefined),
        })
        return
      case 'message_delivered':
        return this.#deliver(event, event.message_id, 'delivered', event.run)
      case 'message_refused':
        return this.#deliver(event, event.message_id, 'refused', this.#run)
      case 'run_started':
        this.#run = event.run
        return this.#endTurn()
      case 'turn_ended': {
        const last = this.#messages.length - 1
        if (this.#inTurn && last >= 0) this.#change(last).last_seq = event.seq
        return this.#endTurn()
      }
      case 'completed':
        return this.#endTurn()
      case 'cancelled':
        return this.#settle(event, 'cancelled', 'info', 'Cancelled')
      case 'failed':
        return this.#settle(event, 'failed', 'error', event.error)
      case 'interrupted':
        return this.#settle(event, 'cancelled', 'warning', `Interrupted: ${event.reason}`)
      case 'text':
      case 'thinking':
        return this.#grow(event, event.kind, event.block, event.text)
      case 'custom':
        return this.#add(event, { type: 'custom', name: event.name, data: event.data })
      case 'notice':
        return this.#add(event, { type: 'notice', level: event.level, text: event.text })
      case 'plan':
        return this.#plan(event)
      case 'input_requested': {
        const { request_id, request, prompt, options = [] } = event
        return this.#add(event, { type: 'request', request_id, request, prompt, options })
      }
      case 'input_answered':
        return this.#changeNewest(event.seq, (block) =>
          block.type === 'request' && block.request_id === event.request_id
            ? { ...block, answer: event.answer }
            : undefined,
        )
      case 'tool_call':
        return this.#add(event, {
          type: 'tool',
          call_id: event.call_id,
          name: event.name,
          title: event.title,
          status: 'pending',
          input: event.input ?? null,
          output: '',
          started_at: event.at,
          ended_at: null,
        })
      case 'tool_update':
        return this.#changeNewest(event.seq, (block) => {
          if (block.type !== 'tool' || block.call_id !== event.call_id) return undefined
          const { status, output = '', input = block.input, exit_code = block.exit_code } = event
          const ended_at = isOpen(status) ? block.ended_at : event.at
          return { ...block, status, output: block.output + output, input, exit_code, ended_at }
        })
    }
  }

  #append(event: LogEvent, role: TranscriptMessage['role'], more: Partial<TranscriptMessage>): TranscriptMessage {
    const { seq, at } = event
    const message = { id: String(seq), role, run: this.#run, seq, last_seq: seq, at, content: [], ...more }
    this.#unshare().push(message)
    this.#own.add(message)
    return message
  }

  #deliver(event: LogEvent, id: string, delivery: DeliveryState, run: number) {
    const at = this.#messages.findLastIndex((message) => message.id === id)
    if (at < 0) return
    Object.assign(this.#change(at), { delivery, run, last_seq: event.seq })
  }

  #plan(event: LogEvent & { kind: 'plan' }) {
    const at = this.#messages.length - 1
    const block = this.#messages[at]?.content.findIndex(({ type }) => type === 'plan') ?? -1
    if (!this.#inTurn || block < 0) return this.#add(event, { type: 'plan', entries: event.entries })
    const message = this.#change(at)
    message.content[block] = { type: 'plan', entries: event.entries }
    message.last_seq = event.seq
  }

  #grow(event: LogEvent, type: 'text' | 'thinking', name: string, text: string) {
    const delta = `${type}/${name}`
    const at = this.#messages.length - 1
    if (this.#inTurn && this.#delta === delta && at >= 0) {
      const message = this.#change(at)
      const block = message.content.at(-1)
      if (block?.type === type) {
        message.content[message.content.length - 1] = { type, text: block.text + text }
        message.last_seq = event.seq
        return
      }
    }
    this.#add(event, { type, text })
    this.#delta = delta
  }

  #add(event: LogEvent, block: Block) {
    this.#delta = undefined
    const last = this.#messages.length - 1
    const isFull = (this.#messages[last]?.content.length ?? MAX_BLOCKS) >= MAX_BLOCKS
    const message = !this.#inTurn || isFull ? this.#append(event, 'agent', {}) : this.#change(last)
    this.#inTurn = true
    message.content.push(block)
    message.last_seq = event.seq
  }

  /** The run ended otherwise than well: tools at work are not any more, and the reader is told why. */
  #settle(event: LogEvent, tools: ToolStatus, level: NoticeLevel, text: string) {
    for (let at = this.#messages.length - 1; this.#messages[at]?.run === this.#run; at--) {
      const isAtWork = (block: Block) => block.type === 'tool' && isOpen(block.status)
      if (!this.#messages[at]?.content.some(isAtWork)) continue
      const message = this.#change(at)
      message.content = message.content.map((block) =>
        block.type === 'tool' && isOpen(block.status) ? { ...block, status: tools, ended_at: event.at } : block,
      )
      message.last_seq = event.seq
    }
    this.#endTurn()
    this.#append(event, 'system', { content: [{ type: 'notice', level, text }] })
  }

  #changeNewest(seq: number, change: (block: Block) => Block | undefined) {
    for (let at = this.#messages.length - 1; at >= 0; at--) {
      const content = this.#messages[at]?.content ?? []
      for (let n = content.length - 1; n >= 0; n--) {
        const block = content[n]
        const changed = block && change(block)
        if (changed === undefined) continue
        const message = this.#change(at)
        message.content[n] = changed
        message.last_seq = seq
        return
      }
    }
  }

  #endTurn() {
    this.#inTurn = false
    this.#delta = undefined
  }

  /** What an event that is in the messages already says about where the next one belongs. */
  #seam(event: LogEvent) {
    switch (event.kind) {
      case 'message':
      case 'run_started':
      case 'turn_ended':
      case 'completed':
      case 'cancelled':
      case 'failed':
      case 'interrupted':
        return this.#endTurn()
      case 'text':
      case 'thinking':
        this.#inTurn = true
        this.#delta = `${event.kind}/${event.block}`
        return
      case 'custom':
      case 'notice':
      case 'input_requested':
      case 'tool_call':
        this.#inTurn = true
        this.#delta = undefined
    }
  }

  #unshare(): TranscriptMessage[] {
    if (this.#shared) {
      this.#messages = [...this.#messages]
      this.#shared = false
    }
    return this.#messages
  }

  /** The message at this place, to be changed. */
  #change(at: number): TranscriptMessage {
    const messages = this.#unshare()
    const message = messages[at]
    if (message === undefined) throw new RangeError(`no message ${at}`)
    if (this.#own.has(message)) return message
    const copy = { ...message, content: [...message.content] }
    messages[at] = copy
    this.#own.add(copy)
    return copy
  }
}

function isOpen(status: ToolStatus): boolean {
  return status === 'pending' || status === 'running'
}

function contentBlock(content: Content): Block | undefined {
  // What a newer server may send besides is no block here.
  return ['image', 'resource', 'text'].includes(content.type) ? content : undefined
}

/** As many blocks as the server puts into one message of the agent. */
const MAX_BLOCKS = 256
