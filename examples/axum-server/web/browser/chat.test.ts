import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { TranscriptPage } from '../src/client/schema'
import { eventually } from './server'
import { expectAccessible, picture, world } from './harness'

const box = (page: Page) => page.getByRole('textbox', { name: 'Message' })
const status = (page: Page, word: string) => page.locator('.run-head .badge').getByText(word).waitFor()
const id = (page: Page) => new URL(page.url()).searchParams.get('taskId') ?? ''

world('a conversation', {}, (w) => {
  const sent = async (task: string) => {
    const { messages } = await w.server.api<TranscriptPage>('GET', `/tasks/${task}/messages?limit=1000`)
    return messages.filter(({ role }) => role === 'user').map(({ content }) => content[0])
  }

  test('begins with an agent and a message, and goes on in the same place', async () => {
    const page = await w.open('/chat')
    await page.getByText('Choose an agent', { exact: true }).waitFor()
    await page.getByText('Choose an agent first.').waitFor()
    await expectAccessible(page)
    await picture(page, 'chat-new')
    await box(page).fill('Hello there\n/md')
    expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true)
    await page.getByRole('radio', { name: /Demo/ }).check()
    await page.waitForURL(/agentId=demo/)
    await page.getByText('Options').click()
    await page.getByLabel('Model').fill('swift-1')
    await page.getByLabel('Working directory').fill('/nowhere/at/all')
    await expectAccessible(page)
    w.allow(/422/)
    await box(page).press('Enter')
    await page.getByRole('alert').getByText('/nowhere/at/all').waitFor()
    await page.getByLabel('Working directory').fill('')
    await box(page).press('Enter')
    await page.waitForURL(/taskId=/)
    await status(page, 'Completed')
    await page.getByRole('heading', { name: 'A sample' }).waitFor()
    await page.getByText('Task completed. Send a message to resume it.').waitFor()
    expect(await page.title()).toContain('Hello there')
    expect((await w.server.task(id(page))).model).toBe('swift-1')
    await expectAccessible(page)
    await picture(page, 'chat-completed')

    // Sending resumes it.
    await box(page).fill('And once more')
    await box(page).press('Enter')
    await page.locator('.row[data-kind=text]').getByText('And once more').waitFor()
    await page.getByText('Run 2').waitFor()
    await status(page, 'Completed')
    expect((await w.server.task(id(page))).run).toBe(2)
  })

  test('shows the agent that was chosen at once', async () => {
    const page = await w.open('/chat')
    const demo = page.getByRole('radio', { name: /Demo/ })
    // Looked at in the turn of the click: what is only so a moment later has been otherwise before.
    const shown = await demo.evaluate((element) => {
      const radio = element as HTMLInputElement
      radio.click()
      return radio.checked
    })
    expect(shown).toBe(true)
    await page.waitForURL(/agentId=demo/)
    expect(await demo.isChecked()).toBe(true)
  })

  test('streams as it is said', async () => {
    const task = await w.server.create('/text 4000 40')
    const page = await w.open(`/chat?taskId=${task.id}`)
    const said = async () => (await page.locator('.row[data-kind=text]').allTextContents()).join('').length
    const first = await eventually('the first words', async () => (await said()) || undefined)
    await eventually('more of them', async () => ((await said()) > first + 100 ? true : undefined))
    await status(page, 'Running')
    await page.getByRole('button', { name: 'Stop' }).click()
    await status(page, 'Cancelled')
    await page.locator('.notice').getByText('Cancelled').waitFor()
    expect(await page.getByRole('button', { name: 'Stop' }).count()).toBe(0)
  })

  test('Stop is reached by a key from within the text, and Escape only leaves it', async () => {
    const task = await w.server.create('/sleep 60')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await box(page).fill('not yet')
    await box(page).press('Escape')
    expect(await box(page).inputValue()).toBe('not yet')
    expect((await w.server.task(task.id)).status).toBe('running')
    await box(page).press('Control+.')
    await status(page, 'Cancelled')
  })

  test('a task that does not listen is said to be still stopping', async () => {
    const task = await w.server.create('/hang')
    const page = await w.context.newPage()
    await page.clock.install()
    await page.goto(`${w.server.url}/chat?taskId=${task.id}#token=${w.server.token}`)
    await page.route('**/cancel', (route) => route.fulfill({ status: 202, json: { ...task, status: 'running', seq: 0 } }))
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Stopping…' }).waitFor()
    await page.clock.fastForward(11_000)
    await page.getByText('Still stopping.').waitFor()
    await page.unroute('**/cancel')
    await w.server.api('POST', `/tasks/${task.id}/cancel`)
    await w.server.until(task.id, (now) => now.status === 'cancelled')
  })

  test('questions are pinned, answered, and the answer is shown', async () => {
    const task = await w.server.create('/text 9000\n/ask Which region?\n/permit delete the branch')
    const page = await w.open(`/chat?taskId=${task.id}`)
    const question = page.getByRole('region', { name: 'The agent asks', exact: true })
    await question.getByText('Which region?').waitFor()
    await expectAccessible(page)
    await picture(page, 'chat-question')
    await eventually('the title', async () => ((await page.title()).startsWith('(!) ') ? true : undefined))
    await question.getByRole('textbox').fill('eu-west')
    await page.reload()
    expect(await question.getByRole('textbox').inputValue()).toBe('eu-west')
    await question.getByRole('textbox').press('Enter')
    const permission = page.getByRole('region', { name: 'The agent asks for permission' })
    await permission.getByRole('button', { name: 'Allow' }).click()
    await permission.waitFor({ state: 'detached' })
    await page.getByText('granted').waitFor()
    await page.getByText('Answered: Allow').waitFor()
  })

  test('a question that was answered elsewhere says so', async () => {
    const task = await w.server.create('/permit push')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await page.getByRole('button', { name: 'Deny' }).waitFor()
    w.allow(/409/)
    await page.route('**/requests/**', async (route) => {
      const { requests } = await w.server.task(task.id)
      await w.server.api('POST', `/tasks/${task.id}/requests/${encodeURIComponent(requests[0]?.request_id ?? '')}`, {
        answer: 'allow',
      })
      await route.continue()
    })
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByText('Answered: Allow').waitFor()
    await page.getByText('granted').waitFor()
  })

  test('a message to a running agent waits in sight, and can break in', async () => {
    const task = await w.server.create('/sleep 60')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Running')
    await box(page).fill('also add logout')
    await box(page).press('Enter')
    await page.locator('.user[data-delivery=queued]').getByText('also add logout').waitFor()
    await page.getByText('1 message waits for the agent').waitFor()
    await picture(page, 'chat-queued')
    await box(page).fill('this first')
    await page.getByRole('button', { name: 'Interrupt and send' }).click()
    await page.locator('.row[data-kind=text]').getByText('this first').waitFor()
    await w.server.until(task.id, (now) => now.status === 'completed')
  })

  test('a second Enter sends nothing, and white space is no message', async () => {
    const task = await w.server.create('hello')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Completed')
    await box(page).fill('  \n ')
    await box(page).press('Enter')
    await box(page).fill('only once')
    await box(page).evaluate((area) => {
      const enter = () => new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true })
      area.dispatchEvent(enter())
      area.dispatchEvent(enter())
    })
    await page.locator('.row[data-kind=text]').getByText('only once').waitFor()
    await status(page, 'Completed')
    expect(await sent(task.id)).toHaveLength(2)
  })

  test('Shift and Enter is a line, and the Enter of an input method chooses a word', async () => {
    const task = await w.server.create('hello')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Completed')
    await box(page).focus()
    const session = await w.context.newCDPSession(page)
    await session.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 })
    await session.send('Input.dispatchKeyEvent', {
      type: 'rawKeyDown',
      key: 'Enter',
      code: 'Enter',
      windowsVirtualKeyCode: 229,
    })
    await session.send('Input.insertText', { text: '你好' })
    expect(await box(page).inputValue()).toBe('你好')
    await box(page).press('Shift+Enter')
    await page.keyboard.type('二')
    expect(await box(page).inputValue()).toBe('你好\n二')
    expect(await sent(task.id)).toHaveLength(1)
    await box(page).press('Enter')
    await eventually('the message', async () => ((await sent(task.id)).length === 2 ? true : undefined))
  })

  test('what could not be sent comes back, and nothing newer is lost', async () => {
    w.allow(/ERR_FAILED|503/)
    const task = await w.server.create('hello')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Completed')
    await page.route('**/message', (route) => route.abort())
    await box(page).fill('a long thought')
    await box(page).press('Enter')
    await page.getByRole('alert').getByText('Not sent').waitFor()
    expect(await box(page).inputValue()).toBe('a long thought')
    await expectAccessible(page)

    // The answer is lost, and not the message: the second try must not double it.
    await page.unroute('**/message')
    await page.route('**/message', async (route) => {
      await route.fetch()
      await route.abort()
    })
    await box(page).press('Enter')
    await eventually('the message', async () => ((await sent(task.id)).length === 2 ? true : undefined))
    await eventually('the text', async () => ((await box(page).inputValue()) === 'a long thought' ? true : undefined))
    await page.unroute('**/message')
    await box(page).press('Enter')
    await eventually('an empty box', async () => ((await box(page).inputValue()) === '' ? true : undefined))
    expect(await sent(task.id)).toHaveLength(2)

    // Newer words are in the box: the older ones wait beside it.
    let fail = (): void => undefined
    const held = new Promise<void>((resolve) => (fail = resolve))
    await page.route('**/message', async (route) => {
      await held
      await route.abort()
    })
    await box(page).fill('older')
    await box(page).press('Enter')
    await page.getByText('Sending…').waitFor()
    await box(page).fill('newer')
    fail()
    await page.locator('.outgoing').getByText('older').waitFor()
    expect(await box(page).inputValue()).toBe('newer')
    await picture(page, 'chat-not-sent')
    await page.getByRole('button', { name: 'Edit' }).click()
    expect(await box(page).inputValue()).toBe('older\nnewer')
    expect(await sent(task.id)).toHaveLength(2)
  })

  test('what is typed outlives a reload, for each task apart', async () => {
    const [one, two] = [await w.server.create('one'), await w.server.create('two')]
    const page = await w.open(`/chat?taskId=${one.id}`)
    await box(page).fill('draft of one')
    await page.goto(`${w.server.url}/chat?taskId=${two.id}`)
    expect(await box(page).inputValue()).toBe('')
    await page.goto(`${w.server.url}/chat?taskId=${one.id}`)
    expect(await box(page).inputValue()).toBe('draft of one')
  })

  test('is renamed, found through, saved and deleted from its menu', async () => {
    const task = await w.server.create('a first title\n/tool Bash\n/count 3')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Completed')
    const choose = async (name: string) => {
      await page.getByRole('button', { name: 'More' }).click()
      await page.getByRole('menuitem', { name }).click()
    }
    await choose('Rename')
    await page.getByLabel('New title').fill('another title')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'another title' }).waitFor()

    await page.keyboard.press('Control+f')
    await page.getByRole('searchbox', { name: 'Find in conversation' }).fill('line 4 of 4')
    await page.keyboard.press('Enter')
    await page.locator('.row[data-found=true][data-kind=tool]').waitFor()
    await expectAccessible(page)
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: /Bash/ }).click()
    await page.getByText('Bash: line 2 of 4').waitFor()
    await page.getByRole('button', { name: /count 3 events/ }).waitFor()
    await expectAccessible(page)
    await picture(page, 'chat-tool')

    const download = page.waitForEvent('download')
    await choose('Download transcript')
    expect((await download).suggestedFilename()).toBe(`task-${task.id}.md`)

    await choose('Delete')
    await page.waitForURL(/\/tasks$/)
    await page.getByRole('button', { name: 'Undo' }).waitFor()
  })

  test('a task that is not there says so', async () => {
    w.allow(/404/)
    const page = await w.open('/chat?taskId=01a204b6-1716-7786-8b43-5ec5cbb11e72')
    await page.getByText('It was deleted, or its address is wrong.').waitFor()
    await expectAccessible(page)
    await picture(page, 'chat-missing')
  })

  test('a task that cannot be loaded is tried again, and says so meanwhile', async () => {
    w.allow(/503/)
    const task = await w.server.create('hello')
    const page = await w.context.newPage()
    await page.route('**/messages?*', (route) => route.fulfill({ status: 503, json: { detail: 'The store is away.' } }))
    await page.goto(`${w.server.url}/chat?taskId=${task.id}#token=${w.server.token}`)
    await page.getByRole('alert').getByText('The store is away.').waitFor()
    await expectAccessible(page)
    await page.unroute('**/messages?*')
    await page.locator('.row[data-kind=text]').getByText('hello').waitFor()
  })

  test('a task that is deleted elsewhere is not there any more', async () => {
    w.allow(/404/)
    const task = await w.server.create('/sleep 60')
    const page = await w.open(`/chat?taskId=${task.id}`)
    await status(page, 'Running')
    await w.server.api('DELETE', `/tasks/${task.id}`)
    await page.getByText('It was deleted, or its address is wrong.').waitFor()
  })

  test('the shell agent is talked to in the same way', async () => {
    const page = await w.open('/chat?agentId=shell')
    await box(page).fill("printf '\\033[31mred\\033[0m\\n'; exit 3")
    await box(page).press('Enter')
    await page.waitForURL(/taskId=/)
    await w.server.until(id(page), (task) => ['completed', 'failed'].includes(task.status))
    await page.locator('[data-kind=tool] [data-color="31"], [data-kind=text]').first().waitFor()
    await picture(page, 'chat-shell')
  })
})
