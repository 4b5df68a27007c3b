import type { Block, NoticeLevel, PlanEntry, TranscriptMessage } from '../../client'
import type { CustomBlock, RequestBlock, ToolBlock } from '../../client/events'
import { Chunks } from '../markdown/chunks'

/** One row of the transcript: what is measured and mounted on its own. */
export type Row = { key: string; message: TranscriptMessage } & (
  | { kind: 'user' }
  | { kind: 'run'; run: number }
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'tool'; tool: ToolBlock; isAnswer: boolean }
  | { kind: 'plan'; entries: PlanEntry[] }
  | { kind: 'request'; request: RequestBlock }
  | { kind: 'notice'; level: NoticeLevel; text: string }
  | { kind: 'custom'; name: string; count: number; first: CustomBlock; last: CustomBlock }
  | { kind: 'attachment'; block: Extract<Block, { type: 'image' | 'resource' }> }
)

/**
 * The rows of messages. Rows of a message that did not change are the same objects as before, and their keys stay,
 * whatever is put in front of or behind them.
 */
export class Rows {
  #cache = new WeakMap<TranscriptMessage, Row[]>()
  #chunks = new Map<string, Chunks>()

  of(messages: readonly TranscriptMessage[]): Row[] {
    const rows: Row[] = []
    let run: number | undefined
    for (const message of messages) {
      if (run !== undefined && message.run > run) {
        rows.push({ kind: 'run', key: `run-${message.run}`, message, run: message.run })
      }
      run = Math.max(run ?? 0, message.run)
      let own = this.#cache.get(message)
      if (own === undefined) {
        own = this.#rows(message)
        this.#cache.set(message, own)
      }
      for (const row of own) rows.push(row)
    }
    return rows
  }

  #rows(message: TranscriptMessage): Row[] {
    if (message.role === 'user') return [{ kind: 'user', key: message.id, message }]
    const rows: Row[] = []
    message.content.forEach((block, at) => {
      const key = `${message.id}.${at}`
      switch (block.type) {
        case 'text':
          this.#pieces(key, block.text).forEach((text, n) => rows.push({ kind: 'text', key: `${key}.${n}`, message, text }))
          return
        case 'thinking':
          rows.push({ kind: 'thinking', key, message, text: block.text })
          return
        case 'tool':
          rows.push({ kind: 'tool', key, message, tool: block, isAnswer: isAnswer(message.content, at) })
          return
        case 'plan':
          rows.push({ kind: 'plan', key, message, entries: block.entries })
          return
        case 'request':
          rows.push({ kind: 'request', key, message, request: block })
          return
        case 'notice':
          rows.push({ kind: 'notice', key, message, level: block.level, text: block.text })
          return
        case 'custom': {
          // A runner may tell a thousand of them; they matter as a row that moves.
          const last = rows.at(-1)
          if (last?.kind === 'custom' && last.name === block.name) {
            last.count += 1
            last.last = block
          } else rows.push({ kind: 'custom', key, message, name: block.name, count: 1, first: block, last: block })
          return
        }
        case 'image':
        case 'resource':
          rows.push({ kind: 'attachment', key, message, block })
      }
    })
    return rows
  }

  #pieces(key: string, text: string): readonly string[] {
    let chunks = this.#chunks.get(key)
    if (chunks === undefined) {
      chunks = new Chunks()
      this.#chunks.set(key, chunks)
    }
    return chunks.of(text)
  }
}

/** Whether the output of a tool is the answer itself: the newest of an agent that says nothing in words. */
function isAnswer(content: readonly Block[], at: number): boolean {
  return at === content.length - 1 && content.every(({ type }) => type !== 'text' && type !== 'thinking')
}

/** What a row says, to be searched and copied. */
export function textOf(row: Row): string {
  switch (row.kind) {
    case 'user':
      return row.message.content.map((block) => (block.type === 'text' ? block.text : '')).join('\n')
    case 'text':
    case 'thinking':
    case 'notice':
      return row.text
    case 'tool':
      return `${row.tool.title}\n${row.tool.output}`
    case 'plan':
      return row.entries.map((entry) => entry.text).join('\n')
    case 'request':
      return row.request.prompt
    case 'custom':
      return row.name
    case 'run':
    case 'attachment':
      return ''
  }
}
