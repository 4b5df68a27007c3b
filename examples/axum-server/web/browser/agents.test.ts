import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Page } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'

import { picture, world } from './harness'
import { Model, script, type Step } from './model'
import { eventually, Server } from './server'

/** A real agent: the program, what leads it to the model, and how its model calls its tools. */
interface RealAgent {
  id: string
  name: string
  /** What is put on the `PATH`, and where it is installed. */
  programs: Readonly<Record<string, string>>
  /** What the programs run, if it is installed by itself. */
  needs?: string
  /** What a file of agents says of it, if finding it is not enough. */
  described?: string
  env: (model: string, home: string) => Record<string, string>
  /** A call that writes a file of one line. */
  write: (path: string, line: string) => Step
  shell: (command: string) => Step
}

const INSTALLED = join(import.meta.dirname, '../../../../target/agents/node_modules')
const HOMES = join(import.meta.dirname, '../../../../target/agents/homes')

/** How Claude Code gets to the model, by whatever protocol it is driven. */
const claude = (model: string, home: string) => ({
  ANTHROPIC_BASE_URL: model,
  ANTHROPIC_API_KEY: 'fake',
  CLAUDE_CONFIG_DIR: join(home, 'claude'),
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
})

const AGENTS: readonly RealAgent[] = [
  {
    id: 'claude',
    name: 'Claude Code',
    programs: { claude: '@anthropic-ai/claude-code-linux-x64/claude' },
    env: claude,
    write: (path, line) => ({ tool: { name: 'Write', input: { file_path: path, content: `${line}\n` } } }),
    shell: (command) => ({ tool: { name: 'Bash', input: { command, description: 'a command' } } }),
  },
  {
    id: 'claude-agent-acp',
    name: 'Claude Code over ACP',
    programs: {
      'claude-agent-acp': '@agentclientprotocol/claude-agent-acp/dist/index.js',
      claude: '@anthropic-ai/claude-code-linux-x64/claude',
    },
    env: (model, home) => ({ ...claude(model, home), CLAUDE_CODE_EXECUTABLE: join(home, 'bin/claude') }),
    write: (path, line) => ({ tool: { name: 'Write', input: { file_path: path, content: `${line}\n` } } }),
    shell: (command) => ({ tool: { name: 'Bash', input: { command, description: 'a command' } } }),
  },
  {
    id: 'codex-acp',
    name: 'Codex over ACP',
    programs: { 'codex-acp': '@agentclientprotocol/codex-acp/dist/index.js' },
    needs: '@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex',
    env: (model, home) => ({ CODEX_HOME: codex(model, join(home, 'codex')) }),
    write: (path, line) => ({
      tool: { name: 'apply_patch', input: `*** Begin Patch\n*** Add File: ${path}\n+${line}\n*** End Patch\n` },
    }),
    // Without leave it runs in a sandbox, and one that takes longer than this goes on behind the turn.
    shell: (command) => ({
      tool: {
        name: 'exec_command',
        input: { cmd: command, sandbox_permissions: 'require_escalated', justification: 'May I?', yield_time_ms: 30_000 },
      },
    }),
  },
  {
    id: 'opencode',
    name: 'OpenCode',
    programs: { opencode: 'opencode-linux-x64/bin/opencode' },
    // It fetches packages for its plugins when it starts, unless it is told that there is no network.
    described: '[[agent]]\nid = "opencode"\nkind = "acp"\ncommand = ["opencode", "acp"]\nenv = ["npm_config_offline"]\n',
    env: (model, home) => ({
      OPENCODE_CONFIG: configured(model, join(home, 'opencode.json')),
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      npm_config_offline: 'true',
    }),
    write: (path, line) => ({ tool: { name: 'write', input: { filePath: path, content: `${line}\n` } } }),
    shell: (command) => ({ tool: { name: 'bash', input: { command, description: 'a command' } } }),
  },
]

for (const agent of AGENTS) if (isInstalled(agent)) conversation(agent)

/** A conversation with a real agent, as people have it: they look away, they come back, and the server dies in between. */
function conversation(agent: RealAgent): void {
  let model: Model | undefined
  let home = ''
  const start = async () => {
    model = await Model.start()
    // Not a temporary directory: there are agents that take no such home.
    mkdirSync(HOMES, { recursive: true })
    home = mkdtempSync(join(HOMES, `${agent.id}-`))
    const programs = join(home, 'bin')
    mkdirSync(programs)
    for (const [name, file] of Object.entries(agent.programs)) symlinkSync(join(INSTALLED, file), join(programs, name))
    const args = ['--max-running', '4']
    if (agent.described !== undefined) {
      const file = join(home, 'agents.toml')
      writeFileSync(file, agent.described)
      args.push('--agents', file)
    }
    const path = `${programs}:${process.env['PATH'] ?? ''}`
    const env = { PATH: path, HOME: home, NO_PROXY: '127.0.0.1', OLLAMA_HOST: '127.0.0.1:9', ...agent.env(model.url, home) }
    return Server.start(args, env)
  }

  world(agent.name, { start }, (w) => {
    afterAll(() => {
      model?.close()
      if (home !== '') rmSync(home, { recursive: true, force: true })
    })

    test('three turns, two viewers, a server that is killed: one conversation', async () => {
      w.allow(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY|401/)
      // Turn 1: a file is written, with leave that a second viewer gives.
      const file = join(w.server.dir, 'notes.txt')
      const one = await w.open('/chat')
      await one.locator(`input[name=agent][value=${agent.id}]`).check()
      await say(one, script([{ text: 'I will write it down.' }, agent.write(file, 'remember')], [{ text: 'It is written.' }]))
      await one.waitForURL(/taskId=/)
      const id = new URL(one.url()).searchParams.get('taskId') ?? ''
      await one.getByRole('button', { name: YES }).first().waitFor()
      await picture(one, `agent-${agent.id}-asks`)
      expect(existsSync(file)).toBe(false)
      const two = await w.open(`/chat?taskId=${id}`)
      await allow(two)
      await one.locator('.row[data-kind=text]').getByText('It is written.').waitFor()
      await badge(one, 'Completed')
      expect(readFileSync(file, 'utf8')).toBe('remember\n')
      await two.close()

      // Turn 2: the page is closed in the middle, and opened again.
      await say(one, script([{ text: LONG, chunk: 10, delay_ms: 40 }]))
      await eventually('the first words', async () => ((await said(one)).includes('word 20') ? true : undefined))
      await one.close()
      const again = await w.open(`/chat?taskId=${id}`)
      await badge(again, 'Completed')
      await eventually('all of it', async () => ((await said(again)).includes(LONG) ? true : undefined))
      const { session_id: session } = await w.server.task(id)
      expect(session).toBeTruthy()

      // Turn 3: the server is killed in the middle. Its agent goes with it, and the next server goes on.
      await say(again, script([{ text: LONG.replaceAll('word', 'part'), chunk: 10, delay_ms: 40 }]))
      await eventually('the first words', async () => ((await said(again)).includes('part 20') ? true : undefined))
      await w.server.kill()
      await w.server.run()
      await again.getByRole('button', { name: 'Retry now' }).click({ timeout: 2_000 }).catch(() => undefined)
      await badge(again, 'Interrupted')
      expect(marked(id)).toEqual([])
      await say(again, script([{ text: 'I still know.' }]))
      await again.locator('.row[data-kind=text]').getByText('I still know.').waitFor()
      await badge(again, 'Completed')
      await picture(again, `agent-${agent.id}-again`)

      expect((await w.server.task(id)).session_id).toBe(session)
      const last = (await model?.asked())?.findLast((body) => body.includes('I still know.')) ?? ''
      for (const part of ['I will write it down.', 'notes.txt', 'It is written.', LONG, 'part 1 ']) {
        expect(last.includes(part), part).toBe(true)
      }
    })

    test('Stop while a tool runs leaves nothing behind', async () => {
      const started = join(w.server.dir, 'started')
      const task = await w.server.create(script([agent.shell(`touch ${started}; sleep 7771`)], [{ text: 'Never said.' }]), agent.id)
      const page = await w.open(`/chat?taskId=${task.id}`)
      await allow(page, () => existsSync(started))
      expect(marked(task.id)).not.toEqual([])
      await page.getByRole('button', { name: 'Stop' }).click()
      await badge(page, 'Cancelled')
      expect(marked(task.id)).toEqual([])
    })
  })
}

/** Codex with our model, and nothing that it fetches or tells when it starts. It has to know the model by its name. */
function codex(model: string, dir: string): string {
  const config = `
    model = "gpt-5.5"
    model_provider = "fake"
    check_for_update_on_startup = false
    analytics.enabled = false
    features.apps = false
    features.plugins = false
    [model_providers.fake]
    name = "fake"
    base_url = "${model}/v1"
    wire_api = "responses"
  `
  mkdirSync(dir)
  writeFileSync(join(dir, 'config.toml'), config)
  return dir
}

/** OpenCode with our model, asking before it does anything. */
function configured(model: string, file: string): string {
  const fake = { name: 'fake-model', tool_call: true, limit: { context: 100_000, output: 8_000 } }
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    name: 'fake',
    models: { 'fake-model': fake },
    options: { baseURL: `${model}/v1`, apiKey: 'fake' },
  }
  const config = {
    model: 'fake/fake-model',
    small_model: 'fake/fake-model',
    provider: { fake: provider },
    permission: { bash: 'ask', edit: 'ask' },
    autoupdate: false,
    share: 'disabled',
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

async function say(page: Page, message: string): Promise<void> {
  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill(message)
  await box.press('Enter')
}

/** Gives leave, once it is asked for. */
async function allow(page: Page, done: () => boolean = () => true): Promise<void> {
  await page.getByRole('button', { name: YES }).first().click()
  await eventually('what leave was given for', async () => done() || undefined)
}

const badge = (page: Page, word: string) => page.locator('.run-head .badge').getByText(word).waitFor()

const said = async (page: Page) => (await page.locator('.row[data-kind=text]').allTextContents()).join('\n')

/** The processes that carry the mark of a task. */
function marked(task: string): string[] {
  const mark = Buffer.from(task)
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`).includes(mark)
    } catch {
      // It is gone, or not ours.
      return false
    }
  })
}

function isInstalled({ name, programs, needs }: RealAgent): boolean {
  const files = [...Object.values(programs), ...(needs === undefined ? [] : [needs])]
  const missing = files.filter((file) => !existsSync(join(INSTALLED, file)))
  if (missing.length === 0 && existsSync('/proc/self/environ')) return true
  const reason = `${name} is not installed: ${missing.join(', ')} not in ${INSTALLED}`
  if (process.env['REQUIRE_AGENTS'] === '1') throw new Error(reason)
  console.warn(`its tests are left out: ${reason}`)
  return false
}

/** Agents have words of their own for it. */
const YES = /^(Allow|Yes)/

const LONG = Array.from({ length: 60 }, (_, at) => `word ${at + 1}`).join(' ')
