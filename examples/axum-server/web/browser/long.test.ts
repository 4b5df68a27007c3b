import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { eventually } from './server'
import { picture, world } from './harness'

const viewport = (page: Page) => page.getByRole('region', { name: 'Conversation' })
const distance = (page: Page) => viewport(page).evaluate((view) => view.scrollHeight - view.clientHeight - view.scrollTop)
const jump = (page: Page) => page.getByRole('button', { name: /Jump to latest/ })

/** What is under the eye: the letter at a point of the view, and where its row is. */
const eye = (page: Page) =>
  viewport(page).evaluate((view) => {
    const { left, top, width } = view.getBoundingClientRect()
    const range = document.caretRangeFromPoint(left + width / 2, top + 120)
    const row = range?.startContainer.parentElement?.closest('.row')
    return { row: row?.getAttribute('aria-posinset'), letter: range?.startOffset, top: row?.getBoundingClientRect().top }
  })

world('what is long', { args: ['--store', 'memory:', '--max-running', '32'] }, (w) => {
  test('a task of 100,000 events opens at its tail, scrolls, and goes on', async () => {
    const task = await w.server.create('/count 100000')
    await w.server.until(task.id, ({ status }) => status === 'completed')
    expect((await w.server.task(task.id)).seq).toBeGreaterThan(100_000)
    const begun = Date.now()
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.getByText('{"n":100000}').waitFor()
    const opened = Date.now() - begun
    console.info(`100,000 events: the tail was there after ${opened} ms`)
    expect(opened).toBeLessThan(8_000)
    expect(await distance(page)).toBeLessThanOrEqual(4)
    expect(await page.locator('.row').count()).toBeLessThan(80)
    await viewport(page).hover()
    // Upwards, page after page: older messages come, and rows stay few.
    for (let at = 0; at < 12; at++) {
      await page.mouse.wheel(0, -1_500)
      await page.waitForFunction(() => document.querySelector('.older') === null)
    }
    expect(await page.locator('.row').count()).toBeLessThan(120)
    const rows = await page.locator('.row').first().getAttribute('aria-posinset')
    expect(Number(rows)).toBeGreaterThan(0)
    await jump(page).click()
    await page.getByText('{"n":100000}').waitFor()
    await page.getByRole('textbox', { name: 'Message' }).fill('and on')
    await page.keyboard.press('Enter')
    await page.locator('.row[data-kind=text]').getByText('and on').waitFor()
  })

  test('a text of two megabytes is rows, and a few of them are there', async () => {
    const task = await w.server.create('/text 2000000')
    await w.server.until(task.id, ({ status }) => status === 'completed')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.locator('.row[data-kind=text]').last().waitFor()
    expect(await distance(page)).toBeLessThanOrEqual(4)
    expect((await page.locator('.row').allTextContents()).join('').length).toBeLessThan(400_000)
  })

  test('a notch of the wheel lets go, nothing moves under the eye, and the button comes back', async () => {
    const task = await w.server.create(`${'/text 600\n/think x\n'.repeat(20)}/text 400000 300`)
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.locator('.row[data-kind=text]').last().waitFor()
    await eventually('the end', async () => ((await distance(page)) <= 4 ? true : undefined))
    expect(await jump(page).count()).toBe(0)
    await viewport(page).hover()
    await page.mouse.wheel(0, -30)
    await jump(page).waitFor()
    await page.mouse.wheel(0, -500)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const before = await eye(page)
    expect(before.row).toBeDefined()
    await eventually('more text', async () => ((await distance(page)) > 700 ? true : undefined))
    expect(await eye(page)).toEqual(before)
    await picture(page, 'chat-reading')
    await jump(page).click()
    await eventually('the end', async () => ((await distance(page)) <= 4 ? true : undefined))
    await jump(page).waitFor({ state: 'detached' })

    // A composer that grows does not hide the end, and the End key leads there.
    await viewport(page).focus()
    await page.keyboard.press('PageUp')
    await jump(page).waitFor()
    await page.keyboard.press('End')
    await jump(page).waitFor({ state: 'detached' })
    await page.getByRole('textbox', { name: 'Message' }).fill('line\n'.repeat(8))
    await eventually('the end', async () => ((await distance(page)) <= 4 ? true : undefined))
    await w.server.api('POST', `/tasks/${task.id}/cancel`)
  })

  test('who selects is not dragged on', async () => {
    const task = await w.server.create('/text 3000\n/text 100000 60')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.locator('.row[data-kind=text]').last().waitFor()
    await eventually('the end', async () => ((await distance(page)) <= 4 ? true : undefined))
    await page.locator('.row[data-kind=text] p').last().selectText()
    await jump(page).waitFor()
    const top = await viewport(page).evaluate((view) => view.scrollTop)
    await eventually('more text', async () => ((await distance(page)) > 40 ? true : undefined))
    expect(await viewport(page).evaluate((view) => view.scrollTop)).toBe(top)
    await w.server.api('POST', `/tasks/${task.id}/cancel`)
  })

  test('a tab that is looked at streams, and one that is not makes room for it', async () => {
    const tasks = await Promise.all(Array.from({ length: 5 }, (_, n) => w.server.create(`tab ${n}\n/sleep 300`)))
    const pages: Page[] = []
    for (const task of tasks) {
      const page = await w.open(`/chat?taskId=${task.id}`)
      await page.getByText(`tab ${tasks.indexOf(task)}`).last().waitFor()
      pages.push(page)
    }
    const [first, last] = [pages[0], pages[4]]
    if (first === undefined || last === undefined) throw new Error('no pages')
    const polls = (page: Page) => page.getByText('updated every 2 s')
    await polls(last).waitFor()
    expect(await polls(first).count()).toBe(0)
    await first.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await last.evaluate(() => dispatchEvent(new Event('pageshow')))
    await polls(last).waitFor({ state: 'detached' })
    await polls(first).waitFor()
    for (const task of tasks) await w.server.api('POST', `/tasks/${task.id}/cancel`)
    await first.locator('.run-head .badge').getByText('Cancelled').waitFor()
  })

  test('ten tabs at once are all live, and everything else still answers', async () => {
    const tasks = await Promise.all(Array.from({ length: 10 }, (_, n) => w.server.create(`tab ${n}\n/count 100000 20`)))
    const pages: Page[] = []
    for (const task of tasks) pages.push(await w.open(`/chat?taskId=${task.id}`))
    const last = async (page: Page) =>
      Number(/"n":(\d+)/.exec((await page.locator('.custom-last').last().textContent()) ?? '')?.[1] ?? 0)
    const before = await Promise.all(pages.map(last))
    await eventually('every tab moves', async () => {
      const now = await Promise.all(pages.map(last))
      return now.every((n, at) => n > (before[at] ?? 0) && n > 20) ? true : undefined
    })
    // A request of the first tab, while all of the others are open.
    const begun = Date.now()
    const count = await pages[0]?.evaluate(async () => (await fetch('/api/tasks/running/count')).json())
    const answered = Date.now() - begun
    console.info(`ten tabs: a request was answered after ${answered} ms`)
    expect(count).toMatchObject({ running: expect.any(Number) })
    expect(answered).toBeLessThan(2_000)
    const eleventh = await w.open('/tasks')
    await eleventh.locator('tbody tr').nth(9).waitFor()
    for (const task of tasks) await w.server.api('POST', `/tasks/${task.id}/cancel`)
    await Promise.all(pages.map((page) => page.locator('.run-head .badge').getByText('Cancelled').waitFor()))
  })
})
