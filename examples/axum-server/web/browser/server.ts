import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { Task } from '../src/client/schema'

/** The real server, in a process and a directory of its own. */
export class Server {
  readonly token = 'a'.repeat(64)
  /** Where it was started, and where agents work that are told nothing else. */
  readonly dir = mkdtempSync(join(tmpdir(), 'tasks-page-'))
  readonly #args: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | undefined
  #listen = '127.0.0.1:0'
  url = ''

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#args = args
    this.#env = env
  }

  /** Finds no agents of this machine unless told where they are: tests are the same everywhere. */
  static async start(args: readonly string[] = ['--no-detect'], env: Readonly<Record<string, string>> = {}): Promise<Server> {
    const server = new Server(args, env)
    await server.run()
    return server
  }

  /** Starts it, again on the port it had. */
  async run(): Promise<void> {
    const args = ['--listen', this.#listen, '--demo', ...this.#args]
    const child = spawn(process.env['AXUM_SERVER'] ?? built('axum-server'), args, {
      cwd: this.dir,
      env: { ...process.env, TASKS_TOKEN: this.token, RUST_LOG: '', ...this.#env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /^listening on (http:\/\/[^/]+)/.exec(line)?.[1]
      if (url === undefined) continue
      this.url = url
      this.#listen = url.slice('http://'.length)
      return
    }
    throw new Error('the server ended before it listened')
  }

  /** Ends it without a word, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.dir, { recursive: true, force: true })
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` }
    const init: RequestInit = { method, headers }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      init.body = JSON.stringify(body)
    }
    const response = await fetch(`${this.url}/api${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  create(message: string, agent = 'demo'): Promise<Task> {
    return this.api('POST', '/tasks', { agent_id: agent, message })
  }

  task(id: string): Promise<Task> {
    return this.api('GET', `/tasks/${id}`)
  }

  /** The task, once it is as wanted. */
  until(id: string, wanted: (task: Task) => boolean): Promise<Task> {
    return eventually(`task ${id}`, async () => {
      const task = await this.task(id)
      return wanted(task) ? task : undefined
    })
  }
}

/** What `ask` gives, once it gives something. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, patience = 60_000): Promise<T> {
  const end = Date.now() + patience
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A program of this workspace. */
export function built(name: string): string {
  const target = process.env['CARGO_TARGET_DIR'] ?? join(import.meta.dirname, '../../../../target')
  const path = join(target, 'debug', name)
  if (!existsSync(path)) throw new Error(`${path} is not there: cargo build -p ${name}`)
  return path
}
