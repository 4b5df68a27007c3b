import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { eventually } from './server'
import { expectAccessible, picture, world } from './harness'

const row = (page: Page, title: string) => page.locator('[data-task]', { hasText: title })

world('the list of tasks', {}, (w) => {
  test('says what there is when there is nothing, and how many run when some do', async () => {
    const page = await w.open('/')
    expect(new URL(page.url()).pathname).toBe('/tasks')
    expect(new URL(page.url()).hash).toBe('')
    await page.getByText('No tasks yet. Start a chat to create your first task.').waitFor()
    expect(await page.locator('.running-badge').count()).toBe(0)
    await expectAccessible(page)
    await picture(page, 'tasks-empty')

    const task = await w.server.create('/sleep 60')
    await page.locator('.running-badge').getByText('1', { exact: true }).waitFor()
    await w.server.api('POST', `/tasks/${task.id}/cancel`)
    await page.locator('.running-badge').waitFor({ state: 'detached' })
  })

  test('has seven columns, a badge for each state, and actions with names', async () => {
    await w.server.create('/sleep 60')
    const done = await w.server.create('all is well')
    const failed = await w.server.create('/fail the disk is full')
    const asking = await w.server.create('/ask Which region?')
    await w.server.until(done.id, (task) => task.status === 'completed')
    await w.server.until(failed.id, (task) => task.status === 'failed')
    await w.server.until(asking.id, (task) => task.status === 'awaiting_input')
    const page = await w.open()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Task Management')
    await page.getByText('Monitor and manage your running agent tasks.').waitFor()
    await page.getByRole('columnheader').first().waitFor()
    expect(await page.getByRole('columnheader').allTextContents()).toEqual([
      'Task Name', 'Agent', 'Status', 'Model', 'Started', 'Duration', 'Actions',
    ])
    for (const [title, status, words] of [
      ['/sleep 60', 'running', 'Running'],
      ['all is well', 'completed', 'Completed'],
      ['/fail the disk', 'failed', 'Failed'],
      ['/ask Which', 'awaiting_input', 'Needs input'],
    ] as const) {
      const badge = row(page, title).first().locator(`.badge[data-status=${status}]`)
      expect(await badge.textContent(), title).toBe(words)
    }
    // What waits for somebody is first, and the window says so.
    expect(await page.locator('tbody tr').first().getAttribute('data-status')).toBe('awaiting_input')
    await eventually('the title', async () => ((await page.title()).startsWith('(1) ') ? true : undefined))
    await row(page, 'all is well').getByRole('link', { name: 'View Chat: all is well' }).waitFor()
    await row(page, 'all is well').getByRole('button', { name: 'Delete: all is well' }).waitFor()
    expect(await row(page, 'all is well').getByRole('button', { name: /^Cancel/ }).count()).toBe(0)
    await row(page, '/fail').getByText('the disk is full').last().waitFor()
    await picture(page, 'tasks-states')
  })

  test('durations move by themselves', async () => {
    await w.server.create('/sleep 61')
    const page = await w.open()
    const cell = row(page, '/sleep 61').locator('.cell-duration')
    const first = await cell.textContent()
    expect(first).toMatch(/^0:\d\d$/)
    await eventually('the next second', async () => ((await cell.textContent()) === first ? undefined : true))
  })

  test('are right although the clock of the browser is not', async () => {
    const task = await w.server.create('/sleep 62')
    await w.server.until(task.id, ({ status }) => status === 'running')
    for (const hour of [-3_600_000, 3_600_000]) {
      const page = await w.context.newPage()
      await page.clock.install({ time: Date.now() + hour })
      await page.goto(`${w.server.url}/tasks#token=${w.server.token}`)
      await row(page, '/sleep 62').getByText(/^0:(0[1-9]|[1-5]\d)$/).waitFor()
      await row(page, '/sleep 62').getByText(/^[1-9]\d*s ago$/).waitFor()
      await page.close()
    }
  })

  test('a task that says nothing for long shows that', async () => {
    await w.server.create('/sleep 63')
    const page = await w.context.newPage()
    await page.clock.install()
    await page.goto(`${w.server.url}/tasks#token=${w.server.token}`)
    await row(page, '/sleep 63').getByText(/last event \d+s ago/).waitFor()
    // Without answers of the server, which would correct the clock.
    await page.route('**/api/**', (route) => route.abort())
    w.allow(/ERR_FAILED/)
    await page.clock.fastForward(6 * 60_000)
    await row(page, '/sleep 63').locator('.quiet', { hasText: 'quiet for 6m' }).waitFor()
    await page.getByText(/not current: last updated 6m ago/).waitFor()
  })

  test('what is looked for is in the address, and Back goes back', async () => {
    await w.server.create('find the Übergröße')
    const page = await w.open()
    await page.getByRole('searchbox').fill('ÜBERGRÖSSE'.slice(0, 8))
    await page.waitForURL(/q=/)
    await eventually('one row', async () => ((await page.locator('tbody tr').count()) === 1 ? true : undefined))
    await page.getByRole('combobox', { name: 'Status' }).selectOption('failed')
    await page.waitForURL(/status=failed/)
    await page.getByText('No task matches.').waitFor()
    await picture(page, 'tasks-no-match')
    await expectAccessible(page)
    await page.goBack()
    await row(page, 'Übergröße').waitFor()
    await page.reload()
    expect(await page.getByRole('searchbox').inputValue()).toBe('ÜBERGRÖS')
    await page.getByRole('combobox', { name: 'Status' }).selectOption('failed')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await eventually('all rows', async () => ((await page.locator('tbody tr').count()) > 1 ? true : undefined))
  })

  test('shows the state that was chosen at once', async () => {
    const page = await w.open()
    // Looked at in the turn of the choice: what is only so a moment later has been otherwise before.
    const shown = await page.getByRole('combobox', { name: 'Status' }).evaluate((element) => {
      const select = element as HTMLSelectElement
      select.value = 'failed'
      select.dispatchEvent(new Event('change', { bubbles: true }))
      return select.value
    })
    expect(shown).toBe('failed')
    await page.waitForURL(/status=failed/)
  })

  test('a list that cannot be loaded is no empty list', async () => {
    w.allow(/503|ERR_FAILED/)
    const page = await w.context.newPage()
    await page.route('**/api/tasks?*', (route) => route.fulfill({ status: 503, json: { detail: 'The store is away.' } }))
    await page.goto(`${w.server.url}/tasks#token=${w.server.token}`)
    await page.getByRole('alert').getByText('The store is away.').waitFor()
    expect(await page.getByText('No tasks yet').count()).toBe(0)
    await picture(page, 'tasks-failed')
    await expectAccessible(page)
    await page.unroute('**/api/tasks?*')
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.locator('tbody tr').first().waitFor()
  })

  test('a deletion can be undone, and happens otherwise', async () => {
    const [kept, gone] = [await w.server.create('to be kept'), await w.server.create('to be gone')]
    await w.server.until(gone.id, (task) => task.status === 'completed')
    await w.server.until(kept.id, (task) => task.status === 'completed')
    const page = await w.open()
    await row(page, 'to be kept').getByRole('button', { name: /^Delete/ }).click()
    await row(page, 'to be kept').waitFor({ state: 'detached' })
    await picture(page, 'tasks-undo')
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Undo' }).click()
    await row(page, 'to be kept').waitFor()

    const next = page.locator(`[data-task="${gone.id}"] + [data-task] [data-row]`)
    const neighbour = await next.textContent()
    await row(page, 'to be gone').getByRole('button', { name: /^Delete/ }).click()
    await eventually('the focus on the neighbour', async () =>
      (await page.evaluate(() => document.activeElement?.textContent)) === neighbour ? true : undefined,
    )
    // It stays gone on another page, until it is.
    await page.getByRole('link', { name: 'Chat', exact: true }).click()
    await eventually('the deletion', () =>
      w.server.task(gone.id).then(
        () => undefined,
        () => true,
      ),
    )
    expect((await w.server.task(kept.id)).id).toBe(kept.id)
  })

  test('deleting what runs asks first, and gives the focus back', async () => {
    const task = await w.server.create('/sleep 64')
    const page = await w.open()
    const button = row(page, '/sleep 64').getByRole('button', { name: /^Delete/ })
    await button.click()
    const dialog = page.getByRole('dialog', { name: 'Delete a running task?' })
    await dialog.waitFor()
    await expectAccessible(page)
    await picture(page, 'tasks-confirm')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true)
    expect((await w.server.task(task.id)).status).toBe('running')
    await button.click()
    await page.getByRole('button', { name: 'Stop and delete' }).click()
    await row(page, '/sleep 64').waitFor({ state: 'detached' })
  })

  test('a task is cancelled from its row', async () => {
    const task = await w.server.create('/sleep 65')
    const page = await w.open()
    await row(page, '/sleep 65').getByRole('button', { name: /^Cancel/ }).click()
    await row(page, '/sleep 65').locator('.badge[data-status=cancelled]').getByText('Cancelled').waitFor()
    expect((await w.server.task(task.id)).status).toBe('cancelled')
  })

  test('many are chosen and hit together, and their number is said', async () => {
    for (const n of [1, 2, 3, 4]) await w.server.create(`/sleep 7${n}`)
    const page = await w.open('/tasks?q=sleep%207')
    const boxes = page.locator('tbody input[type=checkbox]')
    await boxes.nth(3).waitFor()
    await boxes.nth(0).click()
    await boxes.nth(2).click({ modifiers: ['Shift'] })
    const bar = page.getByRole('group', { name: '3 selected' })
    await bar.waitFor()
    await picture(page, 'tasks-chosen')
    await expectAccessible(page)
    await bar.getByRole('button', { name: 'Cancel 3 running' }).click()
    await eventually('three are cancelled', async () =>
      (await page.locator('tbody .badge[data-status=cancelled]').count()) === 3 ? true : undefined,
    )
    expect(await page.locator('tbody .badge[data-status=running]').count()).toBe(1)
  })

  test('keys find, move and open; they can be switched off', async () => {
    const page = await w.open()
    await page.locator('tbody tr').nth(1).waitFor()
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('task-search')
    await page.keyboard.press('Escape')
    await page.locator('h1').click()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const second = await page.locator('tbody [data-row]').nth(1).textContent()
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(second)
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await help.getByRole('checkbox').uncheck()
    await expectAccessible(page)
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog', { name: 'Commands' }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(1)
    await expectAccessible(page)
    await page.keyboard.type('dark')
    await page.keyboard.press('Enter')
    await page.locator('html[data-theme=dark]').waitFor({ state: 'attached' })
    await page.evaluate(() => localStorage.clear())
  })
})

world('a thousand tasks', { args: ['--store', 'memory:'] }, (w) => {
  test('are paged and searched', async () => {
    await w.server.create('/ask Are you there?')
    const make = (n: number) => w.server.create(n % 100 === 7 ? `needle ${n}` : `hay ${n}`)
    for (let n = 0; n < 1_000; n += 50) await Promise.all(Array.from({ length: 50 }, (_, at) => make(n + at)))
    const page = await w.open()
    await page.getByRole('option', { name: 'All (1001)' }).waitFor({ state: 'attached' })
    expect(await page.locator('tbody tr').count()).toBe(50)
    const first = await page.locator('tbody [data-row]').first().textContent()
    await page.getByRole('button', { name: 'Older' }).click()
    await page.waitForURL(/cursor=/)
    await eventually('the next page', async () =>
      (await page.locator('tbody [data-row]').first().textContent()) === first ? undefined : true,
    )
    await page.getByRole('button', { name: 'Newest' }).click()
    await eventually('the first page', async () =>
      (await page.locator('tbody [data-row]').first().textContent()) === first ? true : undefined,
    )
    await page.getByRole('searchbox').fill('NEEDLE')
    await eventually('ten rows', async () => ((await page.locator('tbody tr').count()) === 10 ? true : undefined))
  })

  test('a question on another page is not overlooked', async () => {
    const page = await w.open('/tasks?q=hay')
    await page.getByText('1 task needs your input.').waitFor()
    await page.getByRole('button', { name: 'Show' }).click()
    await row(page, 'Are you there?').waitFor()
    expect(await page.locator('tbody tr').count()).toBe(1)
  })
})
