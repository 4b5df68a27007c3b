import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'

import { Server } from './server'

/** What a test works with: a server, and a browser that nobody used before. */
export interface World {
  server: Server
  context: BrowserContext
  /** A page that is signed in, at this address. */
  open: (path?: string) => Promise<Page>
  /** Faults that a test brings about on purpose: lines of the console that may come. */
  allow: (pattern: RegExp) => void
}

export interface WorldOptions {
  viewport?: { width: number; height: number }
  language?: 'en' | 'zh'
  args?: string[]
  /** A server of another kind. */
  start?: () => Promise<Server>
  touch?: boolean
}

/** Tests in a world of their own. Any error in the console of any page fails the test in which it came. */
export function world(name: string, options: WorldOptions, tests: (world: World) => void): void {
  describe.skipIf(CHROMIUM === undefined)(name, () => {
    const self = {} as World
    let profile = ''
    let faults: string[] = []
    let allowed: RegExp[] = []

    beforeAll(async () => {
      self.server = await (options.start ?? (() => Server.start(['--no-detect', ...(options.args ?? [])])))()
      profile = mkdtempSync(join(tmpdir(), 'tasks-profile-'))
      self.context = await chromium.launchPersistentContext(profile, {
        executablePath: CHROMIUM ?? '',
        headless: true,
        viewport: options.viewport ?? { width: 1280, height: 800 },
        hasTouch: options.touch ?? false,
        locale: options.language === 'zh' ? 'zh-CN' : 'en-US',
        args: FLAGS,
      })
      self.context.setDefaultTimeout(45_000)
      self.context.on('page', watch)
      self.context.pages().forEach(watch)
      self.allow = (pattern) => allowed.push(pattern)
      self.open = async (path = '/tasks') => {
        const page = await self.context.newPage()
        await page.goto(`${self.server.url}${path}#token=${self.server.token}`)
        await page.locator('h1').first().waitFor({ state: 'attached' })
        return page
      }
    })

    afterEach(async () => {
      for (const page of self.context.pages()) await page.close()
      const found = faults.filter((fault) => !allowed.some((pattern) => pattern.test(fault)))
      faults = []
      allowed = []
      expect(found).toEqual([])
    })

    afterAll(async () => {
      await self.context?.close()
      await self.server?.close()
      if (profile !== '') rmSync(profile, { recursive: true, force: true })
    })

    function watch(page: Page) {
      page.on('pageerror', (error) => faults.push(`${error.message}\n${error.stack ?? ''}`))
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(`${message.text()} ${message.location().url}`)
      })
    }

    tests(self)
  })
}

/** Fails unless the page keeps WCAG 2.2 AA as far as a program can tell. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([])
}

/** Nothing may be wider than the window. */
export async function expectNoSideways(page: Page): Promise<void> {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const)
  expect(content).toBeLessThanOrEqual(width)
}

/** Keeps a picture of the page among the files of the run, for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`) })
}

function find(): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
  } catch {
    const reason = 'chromium is not installed (apt-get install --no-install-recommends chromium)'
    if (process.env['TASKS_BROWSER'] === 'required') throw new Error(reason)
    console.warn(`tests in the browser are left out: ${reason}`)
    return undefined
  }
}

const CHROMIUM = find()
const PICTURES = process.env['TASKS_PICTURES'] ?? join(tmpdir(), 'tasks-pictures')
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
