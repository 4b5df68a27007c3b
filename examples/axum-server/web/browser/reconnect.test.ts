import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { LogEvent } from '../src/client/events'
import type { TranscriptPage } from '../src/client/schema'
import { Transcript } from '../src/client/transcript'
import { eventually } from './server'
import { expectAccessible, picture, world } from './harness'

/** What the agent said, as far as it is in sight; short enough here to be all of it. */
const said = async (page: Page) => (await page.locator('.row[data-kind=text]').allTextContents()).join('').trim()
const banner = (page: Page) => page.locator('.banner')

/** What `/text BYTES` says. */
const script = (bytes: number) => 'The quick brown fox '.repeat(bytes / 20).trim()

world('coming back', {}, (w) => {
  test('a server that is killed and started again is no event', async () => {
    w.allow(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY|401/)
    const task = await w.server.create('/text 100000 30')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.getByRole('textbox', { name: 'Message' }).fill('typed before')
    await eventually('some text', async () => ((await said(page)).length > 200 ? true : undefined))
    await w.server.kill()
    await banner(page).getByText('The task keeps running; reconnecting').waitFor()
    await expectAccessible(page)
    await picture(page, 'chat-broken')
    const before = await said(page)
    await w.server.run()
    await page.getByRole('button', { name: 'Retry now' }).click({ timeout: 2_000 }).catch(() => undefined)
    // The session of the page died with the server; nobody is asked for the token.
    await page.locator('.run-head .badge').getByText('Interrupted').waitFor()
    await banner(page).waitFor({ state: 'detached' })
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect((await said(page)).startsWith(before)).toBe(true)
    await page.getByText(/^Interrupted: /).waitFor()

    const box = page.getByRole('textbox', { name: 'Message' })
    expect(await box.inputValue()).toBe('typed before')
    await box.press('Enter')
    await page.locator('.row[data-kind=text]').getByText('typed before').waitFor()
  })

  test('a network that is cut loses nothing and doubles nothing', async () => {
    w.allow(/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/)
    const task = await w.server.create('/text 3000 12')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await eventually('some text', async () => ((await said(page)).length > 200 ? true : undefined))
    await w.context.setOffline(true)
    // What is open stays open in this browser: the next answer tells.
    await page.evaluate(() => dispatchEvent(new Event('offline')))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await w.context.setOffline(false)
    await w.server.until(task.id, ({ status }) => status === 'completed')
    await eventually('all of it', async () => ((await said(page)).length >= 2_999 ? true : undefined))
    expect((await said(page)) === script(3_000)).toBe(true)
  })

  test('a stream that is cut over and over still says everything once', async () => {
    w.allow(/ERR_FAILED|ERR_ABORTED/)
    const page = await w.context.newPage()
    let streams = 0
    await page.route('**/stream?*', async (route) => {
      streams += 1
      // Every other stream never comes; those that come break off in the middle of a frame.
      if (streams % 2 === 0) return route.abort()
      const url = new URL(route.request().url())
      const events = await w.server.api<{ events: LogEvent[] }>(
        'GET',
        `${url.pathname.replace('/api', '').replace('/stream', '/events')}${url.search}&limit=40`,
      )
      const frames = events.events.map((event) => `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`)
      await route.fulfill({ contentType: 'text/event-stream', body: `${frames.join('')}id: 999999\nevent: text\nda` })
    })
    const task = await w.server.create('/count 300 60')
    await page.goto(`${w.server.url}/chat?taskId=${task.id}#token=${w.server.token}`)
    for (let at = 0; at < 12; at++) {
      await page.evaluate(() => dispatchEvent(new Event('online')))
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    await page.unroute('**/stream?*')
    await page.locator('.run-head .badge').getByText('Completed').waitFor()
    // The events of two messages: 256 and the rest.
    const counts = await page.locator('.row[data-kind=custom]').allTextContents()
    expect(counts).toEqual(['count256 events{"n":256}', 'count44 events{"n":300}'])
    expect(streams).toBeGreaterThan(3)
  })

  test('two tabs show the same, and either may speak', async () => {
    const task = await w.server.create('hello')
    await w.server.until(task.id, ({ status }) => status === 'completed')
    const [one, two] = [await w.open(`/chat?taskId=${task.id}`), await w.open(`/chat?taskId=${task.id}`)]
    await two.locator('.run-head .badge').getByText('Completed').waitFor()
    // The second tab has no stream: the task is settled. It finds out.
    const box = one.getByRole('textbox', { name: 'Message' })
    await box.fill('from the first tab\n/permit go on')
    await box.press('Enter')
    await two.locator('.user').getByText('from the first tab').waitFor()
    await two.getByRole('button', { name: 'Allow' }).click()
    await one.getByText('granted').waitFor()
    await one.getByRole('button', { name: 'Allow' }).waitFor({ state: 'detached' })
    await eventually('the same', async () => ((await said(one)) === (await said(two)) ? true : undefined))
  })

  test('leaving and coming back shows what happened meanwhile', async () => {
    const task = await w.server.create('/text 2000 30\n/ask Still there?')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await eventually('some text', async () => ((await said(page)).length > 100 ? true : undefined))
    await page.getByRole('link', { name: 'Back to tasks' }).click()
    await page.getByRole('heading', { name: 'Task Management' }).waitFor()
    await w.server.until(task.id, ({ status }) => status === 'awaiting_input')
    await page.goBack()
    await page.getByRole('region', { name: 'The agent asks', exact: true }).getByText('Still there?').waitFor()
    await eventually('all of it', async () => ((await said(page)) === script(2_000) ? true : undefined))
  })

  test('a task that ends while nobody looks says so in the title', async () => {
    const task = await w.server.create('/permit go')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    const { requests } = await w.server.task(task.id)
    await w.server.api('POST', `/tasks/${task.id}/requests/${requests[0]?.request_id ?? ''}`, { answer: 'allow' })
    await eventually('the mark', async () => ((await page.title()).startsWith('✓ ') ? true : undefined))
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'visible' })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await eventually('no mark', async () => ((await page.title()).startsWith('✓') ? undefined : true))
  })

  test('who has no session is asked for the token, and loses nothing', async () => {
    w.allow(/401/)
    const task = await w.server.create('hello')
    await w.context.clearCookies()
    const page = await w.context.newPage()
    await page.goto(`${w.server.url}/chat?taskId=${task.id}`)
    const dialog = page.getByRole('dialog', { name: 'Sign in' })
    await dialog.getByLabel('Token').fill('wrong')
    await expectAccessible(page)
    await picture(page, 'sign-in')
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.getByText('This is not the token of the server.').waitFor()
    await dialog.getByLabel('Token').fill(`listening on ${w.server.url}/#token=${w.server.token}`)
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.locator('.row[data-kind=text]').getByText('hello').waitFor()
  })

  test('the page folds a log into the conversation that the server folds', async () => {
    const lines = ['say *this*', '/think hm', '/plan A; B', '/tool Bash', '/count 700', '/md', '/permit x', '/text 500', '/fail no']
    const task = await w.server.create(lines.join('\n'))
    await w.server.until(task.id, ({ status }) => status === 'awaiting_input')
    await w.server.api('POST', `/tasks/${task.id}/message`, { message: 'in between' })
    const { requests } = await w.server.task(task.id)
    await w.server.api('POST', `/tasks/${task.id}/requests/${requests[0]?.request_id ?? ''}`, { answer: 'deny' })
    await w.server.until(task.id, ({ status }) => status === 'failed')
    const other = await w.server.create('/tool Long 60')
    await w.server.until(other.id, ({ seq }) => seq > 4)
    await w.server.api('POST', `/tasks/${other.id}/cancel`)
    await w.server.until(other.id, ({ status }) => status === 'cancelled')

    for (const { id } of [task, other]) {
      const page = await w.server.api<TranscriptPage>('GET', `/tasks/${id}/messages?limit=1000`)
      const fold = new Transcript()
      for (let after = 0; after < page.seq; ) {
        const events = await w.server.api<{ events: LogEvent[]; seq: number }>('GET', `/tasks/${id}/events?limit=1000&after=${after}`)
        for (const event of events.events) fold.push(event)
        after = events.seq
      }
      expect(JSON.parse(JSON.stringify(fold.messages()))).toEqual(page.messages)
    }
  })
})
