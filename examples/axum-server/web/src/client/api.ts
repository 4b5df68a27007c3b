import type { LogEvent } from './events'
import type { Http } from './http'
import type {
  Agent,
  CreateTask,
  Delivery,
  MessageAccepted,
  RunningCount,
  Task,
  TaskList,
  TranscriptPage,
} from './schema'

export interface ListQuery {
  status?: string | undefined
  agent_id?: string | undefined
  q?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export interface EventPage {
  events: LogEvent[]
  seq: number
  has_more: boolean
}

/** The operations of the API, by name. Each throws `ApiError` or `Unreachable`. */
export class TaskApi {
  readonly http: Http

  constructor(http: Http) {
    this.http = http
  }

  agents(signal?: AbortSignal): Promise<Agent[]> {
    return this.http.json('GET', '/agents', { signal })
  }

  list(query: ListQuery, signal?: AbortSignal): Promise<TaskList> {
    return this.http.json('GET', '/tasks', { query: { ...query }, signal })
  }

  runningCount(signal?: AbortSignal): Promise<RunningCount> {
    return this.http.json('GET', '/tasks/running/count', { signal })
  }

  task(id: string, signal?: AbortSignal): Promise<Task> {
    return this.http.json('GET', path(id), { signal })
  }

  create(task: CreateTask, key: string): Promise<Task> {
    return this.http.json('POST', '/tasks', { body: task, key })
  }

  rename(id: string, title: string): Promise<Task> {
    return this.http.json('PATCH', path(id), { body: { title } })
  }

  cancel(id: string): Promise<Task> {
    return this.http.json('POST', `${path(id)}/cancel`)
  }

  /** Cancels the task first if it runs. */
  delete(id: string): Promise<void> {
    return this.http.json('DELETE', path(id))
  }

  send(id: string, message: string, delivery: Delivery, key: string): Promise<MessageAccepted> {
    return this.http.json('POST', `${path(id)}/message`, { body: { message, delivery }, key })
  }

  answer(id: string, request: string, answer: unknown): Promise<Task> {
    return this.http.json('POST', `${path(id)}/requests/${encodeURIComponent(request)}`, { body: { answer } })
  }

  /** A page of the conversation: the newest messages, or those that begin before the event `before`. */
  messages(id: string, limit: number, before?: number, signal?: AbortSignal): Promise<TranscriptPage> {
    return this.http.json('GET', `${path(id)}/messages`, { query: { limit, before }, signal })
  }

  /** A page of the log after the event `after`. */
  events(id: string, after: number, limit: number, signal?: AbortSignal): Promise<EventPage> {
    return this.http.json('GET', `${path(id)}/events`, { query: { after, limit }, signal })
  }

  /** The log after the event `after` as server-sent events, or the status that says why not. */
  stream(id: string, after: number, signal: AbortSignal): Promise<Response> {
    return this.http.raw('GET', `${path(id)}/stream`, { query: { after }, accept: 'text/event-stream', signal })
  }
}

function path(id: string): string {
  return `/tasks/${encodeURIComponent(id)}`
}
