import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

import { built } from './server'

/** A request that the model got. */
interface Asked {
  path: string
  body: unknown
}

/** What stands in for the model of real agents: it says what the prompts tell it to say, and keeps what it was asked. */
export class Model {
  readonly #child: ChildProcess
  readonly url: string

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  static async start(): Promise<Model> {
    // It ends with its input, even if nobody is left to end it.
    const child = spawn(built('fake-model-api'), [], { stdio: ['pipe', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /^listening on (http:\S+)/.exec(line)?.[1]
      if (url !== undefined) return new Model(child, url)
    }
    throw new Error('the model ended before it listened')
  }

  /** Everything that was asked so far, as text. */
  async asked(): Promise<string[]> {
    const response = await fetch(`${this.url}/_fake/requests`)
    const { requests } = (await response.json()) as { requests: Asked[] }
    return requests.filter(({ path }) => path !== '/v1/messages/count_tokens').map(({ body }) => JSON.stringify(body))
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Steps of one reply. */
export type Step =
  | { text: string; chunk?: number; delay_ms?: number }
  | { tool: { name: string; input: string | Readonly<Record<string, unknown>> } }

/** A prompt that tells the model its replies. */
export function script(...turns: Step[][]): string {
  return `@fake ${JSON.stringify({ turns: turns.map((steps) => ({ steps })) })}`
}
