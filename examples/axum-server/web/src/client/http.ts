import type { ClockEstimate } from './clock'
import type { Problem } from './schema'

/** An answer that is no success. `code` stays what it is; `detail` is for people. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly problem: Partial<Problem>

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code ?? 'unknown'
    this.problem = problem
  }
}

/** No answer came: the network is down, or the server is. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('The server cannot be reached.', { cause })
    this.name = 'Unreachable'
  }
}

export type Query = Record<string, string | number | boolean | undefined>

export interface RequestOptions {
  query?: Query
  body?: unknown
  /** Repeats with the same key have one effect. */
  key?: string
  accept?: string
  signal?: AbortSignal | undefined
}

export interface HttpOptions {
  /** Where the API is, without a slash at the end. */
  base: string
  fetch?: typeof fetch
  /** Told of the time of the server with each answer. */
  clock?: ClockEstimate
}

/**
 * Requests to the API. The session is a cookie that a script cannot read; the token that opened it is kept in memory
 * alone, to open another when the server was restarted.
 */
export class Http {
  readonly #base: string
  readonly #fetch: typeof fetch
  readonly #clock: ClockEstimate | undefined
  #token: string | undefined
  #signingIn: Promise<boolean> | undefined
  readonly #listeners = new Set<() => void>()
  #signedOut = false

  constructor({ base, fetch: own, clock }: HttpOptions) {
    this.#base = base
    this.#fetch = own ?? fetch.bind(globalThis)
    this.#clock = clock
  }

  /** Whether the last answer was that nobody is signed in. */
  get signedOut(): boolean {
    return this.#signedOut
  }

  /** Calls `listener` whenever {@link signedOut} changes. */
  onSession(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Trades a token for a session. */
  async signIn(token: string): Promise<boolean> {
    const response = await this.#send('POST', '/session', { body: { token } })
    if (response.status !== 204) return false
    this.#token = token
    this.#setSignedOut(false)
    return true
  }

  /** The answer, whatever its status is; throws only {@link Unreachable} and what an abort throws. */
  async raw(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const response = await this.#send(method, path, options)
    if (response.status !== 401) {
      this.#setSignedOut(false)
      return response
    }
    if (!(await this.#signInAgain())) {
      this.#setSignedOut(true)
      return response
    }
    return this.#send(method, path, options)
  }

  /** The JSON of the answer; throws {@link ApiError} unless it is a success. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.raw(method, path, options)
    if (!response.ok) throw await problem(response)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  async #send(method: string, path: string, options: RequestOptions): Promise<Response> {
    const { query, body, key, accept, signal } = options
    const headers: Record<string, string> = { accept: accept ?? 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (key !== undefined) headers['idempotency-key'] = key
    const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' }
    if (body !== undefined) init.body = JSON.stringify(body)
    if (signal) init.signal = signal
    const sent = Date.now()
    try {
      const response = await this.#fetch(`${this.#base}${path}${search(query)}`, init)
      this.#clock?.sample(response.headers.get('date'), sent, Date.now())
      return response
    } catch (error) {
      if (signal?.aborted) throw error
      throw new Unreachable(error)
    }
  }

  /** Many requests may find the session gone at once; one of them signs in for all. */
  async #signInAgain(): Promise<boolean> {
    const token = this.#token
    if (token === undefined) return false
    this.#signingIn ??= this.signIn(token).finally(() => {
      this.#signingIn = undefined
    })
    return this.#signingIn
  }

  #setSignedOut(signedOut: boolean) {
    if (this.#signedOut === signedOut) return
    this.#signedOut = signedOut
    for (const listener of this.#listeners) listener()
  }
}

/** The error that an answer tells of. */
export async function problem(response: Response): Promise<ApiError> {
  try {
    return new ApiError(response.status, (await response.json()) as Partial<Problem>)
  } catch {
    // Something between here and the server answered instead of it.
    return new ApiError(response.status, { title: response.statusText || `HTTP ${response.status}` })
  }
}

function search(query: Query | undefined): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '')
  if (pairs.length === 0) return ''
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()}`
}
