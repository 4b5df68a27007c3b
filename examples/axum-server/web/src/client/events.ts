import type {
  Block,
  Content,
  DeliveryState,
  InputRequest,
  NoticeLevel,
  PlanEntry,
  TaskStatus,
  ToolStatus,
} from './schema'

interface Envelope {
  task_id: string
  seq: number
  /** RFC 3339, of the clock of the server. */
  at: string
}

/** The kinds that the conversation is made of. There may be more: whoever reads skips what it does not know. */
type Fields =
  | { kind: 'message'; message_id: string; content: Content[]; delivery: string }
  | { kind: 'message_delivered'; message_id: string; run: number }
  | { kind: 'message_refused'; message_id: string; reason: string }
  | { kind: 'run_started'; run: number; reason: string }
  | ({ kind: 'input_requested' } & InputRequest)
  | { kind: 'input_answered'; request_id: string; answer: unknown; by: string }
  | { kind: 'completed' }
  | { kind: 'failed'; error: string }
  | { kind: 'cancelled' }
  | { kind: 'interrupted'; reason: string }
  | { kind: 'text' | 'thinking'; block: string; text: string }
  | { kind: 'tool_call'; call_id: string; name: string; title: string; input?: unknown }
  | {
      kind: 'tool_update'
      call_id: string
      status: ToolStatus
      output?: string
      input?: unknown
      exit_code?: number
    }
  | { kind: 'plan'; entries: PlanEntry[] }
  | { kind: 'notice'; level: NoticeLevel; text: string }
  | { kind: 'custom'; name: string; data: unknown }
  | { kind: 'turn_ended'; reason: string }

/** One entry of the log of a task. */
export type LogEvent = Envelope & Fields

export type ToolBlock = Extract<Block, { type: 'tool' }>
export type RequestBlock = Extract<Block, { type: 'request' }>
export type CustomBlock = Extract<Block, { type: 'custom' }>
export type { Block, DeliveryState }

/** What an agent says, of which there may be thousands; every other event may change the task itself. */
export function isOutput(kind: string): boolean {
  return OUTPUT.has(kind)
}

/** Whether nothing runs: the four ends of a task. */
export function isSettled(status: TaskStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled' || status === 'interrupted'
}

/** Whether a runner is at work. */
export function isActive(status: TaskStatus): boolean {
  return status === 'running' || status === 'awaiting_input'
}

const OUTPUT = new Set(['custom', 'notice', 'plan', 'raw', 'text', 'thinking', 'tool_call', 'tool_update', 'turn_ended'])
