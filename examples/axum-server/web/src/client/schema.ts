// Written by scripts/types.mjs from the OpenAPI description of the server.

/** An agent that tasks can name. */
export type Agent = {
  /** Whether it can run here. */
  available: boolean
  /** What it does. */
  description: string | null
  /** What tasks name. */
  id: string
  /** The model it uses unless asked otherwise. */
  model: string | null
  /** What people read. */
  name: string
  /** Why it cannot, and what to do about it. */
  reason?: string | null | undefined
}

/** One piece of a message of a conversation. */
export type Block = {
  data: unknown
  name: string
  type: 'custom'
} | {
  data: string
  media_type: string
  type: 'image'
} | {
  level: NoticeLevel
  text: string
  type: 'notice'
} | {
  entries: PlanEntry[]
  type: 'plan'
} | {
  answer?: unknown | undefined
  options: RequestOption[]
  prompt: string
  request: RequestKind
  request_id: string
  type: 'request'
} | {
  media_type?: string | null | undefined
  name?: string | null | undefined
  text?: string | null | undefined
  type: 'resource'
  uri: string
} | {
  text: string
  type: 'text'
} | {
  text: string
  type: 'thinking'
} | {
  call_id: string
  ended_at: string | null
  exit_code?: number | null | undefined
  input: unknown
  name: string
  output: string
  started_at: string
  status: ToolStatus
  title: string
  type: 'tool'
}

/** One piece of a message. */
export type Content = {
  /** The bytes, in base64. */
  data: string
  /** Its media type. */
  media_type: string
  type: 'image'
} | {
  /** Its media type. */
  media_type?: string | null | undefined
  /** A name to show. */
  name?: string | null | undefined
  /** What it says. */
  text?: string | null | undefined
  type: 'resource'
  /** Where it is. */
  uri: string
} | {
  /** The text. */
  text: string
  type: 'text'
}

/** A task to create. */
export type CreateTask = {
  /** More directories the agent may use. */
  add_dirs?: string[] | null | undefined
  /** The agent that shall run it. */
  agent_id: string
  /** The blocks of the first message, after the text of `message`. */
  content?: Content[] | null | undefined
  /** Whether the agent may use MCP servers. */
  enable_mcp?: boolean | null | undefined
  /** Whether the agent may use its skills. */
  enable_skills?: boolean | null | undefined
  /** The first message; short for one block of text. */
  message?: string | null | undefined
  /** Whatever shall be kept with the task. */
  metadata?: Record<string, unknown> | null | undefined
  /** The model, where the agent has a choice. */
  model?: string | null | undefined
  /** Where the agent works; the first root of the server unless set. */
  work_dir?: string | null | undefined
}

/** When a running agent should get a message. */
export type Delivery = 'queue' | 'steer' | 'interrupt'

/** What became of a user's message. */
export type DeliveryState = 'delivered' | 'queued' | 'refused'

/** One entry of a log: these fields, and those of its kind. There may be kinds a client does not know; it skips them. */
export type Event = {
  /** When it was recorded. */
  at: string
  /** Its kind. */
  kind: string
  /** Its position in the log. */
  seq: number
  /** The task it belongs to. */
  task_id: string
}

/** A page of a log. */
export type EventPage = {
  /** The events, in order: as they are stored, never encoded again. */
  events: Event[]
  /** Whether there are more. */
  has_more: boolean
  /** The last of them, or the cursor when there are none: the cursor of the next page. */
  seq: number
}

/** An answer to a question. */
export type GiveAnswer = {
  /** The id of an option, or for a question any JSON value. */
  answer: unknown
}

/** Whether the server is well. */
export type Health = {
  /** `ok`. */
  status: string
}

/** A question that waits for an answer. */
export type InputRequest = {
  /** The tool call that waits for the answer. */
  call_id?: string | null | undefined
  /** When `default` is taken as the answer. */
  deadline?: string | null | undefined
  /** The answer that is taken at the deadline. */
  default?: unknown | undefined
  /** The answers to choose from. */
  options?: RequestOption[] | undefined
  /** What is asked. */
  prompt: string
  /** Whether leave is asked, or information. */
  request: RequestKind
  /** Names it within its task. */
  request_id: string
}

/** A message that was accepted. */
export type MessageAccepted = {
  /** Names the message. */
  message_id: string
  /** Its place in the log. */
  seq: number
  /** The state of the task after it was accepted. */
  status: TaskStatus
}

/** How much a remark matters. */
export type NoticeLevel = 'info' | 'warning' | 'error'

/** A token to trade for a cookie. */
export type OpenSession = {
  /** The token. */
  token: string
}

/** One step of a plan. */
export type PlanEntry = {
  status: PlanStatus
  text: string
}

/** How far a step of a plan is. */
export type PlanStatus = 'pending' | 'in_progress' | 'completed'

/** An error, as RFC 9457 has it. */
export type Problem = {
  /** The answer that holds, when a question was answered before. */
  answer?: unknown | undefined
  /** Who gave that answer. */
  by?: string | null | undefined
  /** What is wrong, for machines: it stays what it is. */
  code: string
  /** What is wrong, for people. */
  detail: string
  /** The status. */
  status: number
  /** The status in words. */
  title: string
  /** Always `about:blank`: `code` tells more. */
  type: string
}

/** Another title. */
export type RenameTask = {
  /** The title. */
  title: string
}

/** What a question asks for. */
export type RequestKind = 'permission' | 'question'

/** One answer to choose. */
export type RequestOption = {
  /** What the answer says. */
  id: string
  /** What it means: `allow_once`, `allow_always`, `reject_once`, `reject_always`. */
  kind?: string | null | undefined
  /** What people read. */
  label: string
}

/** Who speaks. */
export type Role = 'agent' | 'system' | 'user'

/** How many tasks are alive. */
export type RunningCount = {
  /** Tasks that run and have an open question. */
  awaiting_input: number
  /** Tasks with a runner at work: `running` and `awaiting_input`. */
  count: number
  /** Tasks that wait for a free place. */
  pending: number
  /** Tasks that run. */
  running: number
}

/** A message to a task. */
export type SendMessage = {
  /** The blocks of the message, after the text of `message`. */
  content?: Content[] | null | undefined
  delivery?: Delivery | null | undefined
  /** The message; short for one block of text. */
  message?: string | null | undefined
}

/** How many tasks are in each state. */
export type StatusCounts = {
  awaiting_input: number
  cancelled: number
  completed: number
  failed: number
  interrupted: number
  pending: number
  running: number
}

/** A task. */
export type Task = {
  /** More directories the agent may use. */
  add_dirs: string[] | null
  /** The agent that runs it. */
  agent_id: string
  /** When it settled. */
  completed_at: string | null
  /** When it was created. */
  created_at: string
  /** Whether the agent may use MCP servers. */
  enable_mcp: boolean | null
  /** Whether the agent may use its skills. */
  enable_skills: boolean | null
  /** What went wrong in the last run. */
  error: string | null
  /** Its name for ever. */
  id: string
  /** When the newest event was recorded. */
  last_event_at: string
  /** Whatever the creator wanted to keep with it. */
  metadata: Record<string, unknown> | null
  /** The model asked for. */
  model: string | null
  /** Messages that wait. */
  queued_messages: number
  /** Questions that wait for an answer. */
  requests: InputRequest[]
  /** How many runs were started. */
  run: number
  /** The newest event. */
  seq: number
  /** What the agent resumes from. */
  session_id: string | null
  /** When its last run started. */
  started_at: string | null
  /** Where it stands. */
  status: TaskStatus
  /** What lists show. */
  title: string
  usage: Usage | null
  /** Where the agent works. */
  work_dir: string | null
}

/** A page of tasks, newest first. */
export type TaskList = {
  /** How many tasks are in each state, filters apart. */
  counts: StatusCounts
  /** The tasks. */
  items: Task[]
  /** Where the next page begins; absent on the last. */
  next_cursor?: string | null | undefined
}

/** Where a task stands. The last four are settled: nothing runs. */
export type TaskStatus = 'pending' | 'running' | 'awaiting_input' | 'completed' | 'failed' | 'cancelled' | 'interrupted'

/** How a tool call stands. */
export type ToolStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'

/** One message of a conversation. */
export type TranscriptMessage = {
  /** When it began. */
  at: string
  /** What it says. */
  content: Block[]
  delivery?: DeliveryState | null | undefined
  /** Names it. */
  id: string
  /** Its newest event. */
  last_seq: number
  /** Who speaks. */
  role: Role
  /** The run it belongs to. */
  run: number
  /** Its first event. */
  seq: number
}

/** A page of a transcript. */
export type TranscriptPage = {
  /** Whether there are more in the direction of the query. */
  has_more: boolean
  /** The messages, in the order of the conversation. */
  messages: TranscriptMessage[]
  /** Where the log ended, or with `after` how far the page tells: the next page, or the stream, after it continues exactly. */
  seq: number
}

/** What a task has cost. */
export type Usage = {
  /** Price in US dollars. */
  cost_usd?: number | null | undefined
  /** Tokens read by the model. */
  input_tokens: number
  /** Tokens written by the model. */
  output_tokens: number
}
