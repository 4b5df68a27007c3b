import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { expectAccessible, expectNoSideways, picture, world, type World } from './harness'

/** Tasks in every state, and a conversation with everything in it. */
async function furnish({ server }: World) {
  const long = 'Help me build a REST API with authentication. Use axum and sqlite, and write tests for all of it'
  const done = await server.create(`${long}\n/think The layout first.\n/plan Look; Build; Test\n/tool Bash\n/md`)
  await server.until(done.id, (task) => task.status === 'completed')
  const failed = await server.create('/tool Read\n/fail the disk is full and there is nothing that can be done about it')
  await server.until(failed.id, (task) => task.status === 'failed')
  const stopped = await server.create('/sleep 60')
  await server.api('POST', `/tasks/${stopped.id}/cancel`)
  await server.create('Migrate billing jobs to the new queue\n/tool Bash 600')
  const asking = await server.create('把旧分支清理一下\n/permit 删除分支 old-billing')
  await server.until(asking.id, (task) => task.status === 'awaiting_input')
  return { done, asking, failed }
}

async function theme(page: Page, scheme: 'dark' | 'light') {
  await page.emulateMedia({ colorScheme: scheme })
}

for (const language of ['en', 'zh'] as const) {
  world(`in ${language}`, { language }, (w) => {
    let furnished: Awaited<ReturnType<typeof furnish>>

    test('every page is accessible in both themes', async () => {
      const { done, asking } = (furnished = await furnish(w))
      const page = await w.open('/tasks')
      for (const [name, path] of [
        ['tasks', '/tasks'],
        ['chat-done', `/chat?taskId=${done.id}`],
        ['chat-asking', `/chat?taskId=${asking.id}`],
        ['chat-choose', '/chat'],
      ] as const) {
        await page.goto(w.server.url + path)
        await page.locator('tbody tr, .row, .agent').first().waitFor()
        for (const scheme of ['light', 'dark'] as const) {
          await theme(page, scheme)
          await expectAccessible(page)
          await picture(page, `${name}-${language}-${scheme}`)
        }
      }
      expect(await page.locator('html').getAttribute('lang')).toBe(language === 'zh' ? 'zh-CN' : 'en')
    })

    test('the words are those of the design', async () => {
      const page = await w.open('/tasks')
      const words =
        language === 'en'
          ? ['Task Management', 'Monitor and manage your running agent tasks.', 'New Task', 'Task Name', 'Duration']
          : ['任务管理', '监控和管理正在运行的代理任务。', '新建任务', '任务名称', '持续时间']
      for (const word of words) await page.getByText(word, { exact: true }).first().waitFor()
      expect(await page.getByRole('searchbox').getAttribute('placeholder')).toBe(language === 'en' ? 'Search tasks...' : '搜索任务...')
      // The language is switched in place, and stays.
      await page.locator('.looks select').nth(1).selectOption(language === 'en' ? 'zh' : 'en')
      await page.getByRole('heading', { level: 1, name: language === 'en' ? '任务管理' : 'Task Management' }).waitFor()
      await page.reload()
      await page.getByRole('heading', { level: 1, name: language === 'en' ? '任务管理' : 'Task Management' }).waitFor()
      await page.evaluate(() => localStorage.clear())
    })

    for (const width of [390, 320]) {
      test(`fits ${width} pixels`, async () => {
        const { done, asking } = furnished
        const page = await w.open('/tasks')
        await page.setViewportSize({ width, height: 700 })
        for (const [name, path] of [
          ['tasks', '/tasks'],
          ['chat-done', `/chat?taskId=${done.id}`],
          ['chat-asking', `/chat?taskId=${asking.id}`],
          ['chat-choose', '/chat'],
        ] as const) {
          await page.goto(w.server.url + path)
          await page.locator('.card, .row, .agent').first().waitFor()
          await expectNoSideways(page)
          if (width === 320 && language === 'en') await expectAccessible(page)
          await picture(page, `${name}-${language}-${width}`)
        }
      })
    }
  })
}

world('for everybody', {}, (w) => {
  test('a task is begun, answered and stopped with the keyboard alone', async () => {
    const page = await w.open('/tasks')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content')
    await page.keyboard.press('Enter')
    const tabTo = async (name: string) => {
      for (let at = 0; at < 40; at++) {
        await page.keyboard.press('Tab')
        const now = await page.evaluate(() => {
          const element = document.activeElement
          return element?.getAttribute('aria-label') ?? element?.getAttribute('value') ?? element?.textContent ?? ''
        })
        if (now === name) return
      }
      throw new Error(`no way to ${name}`)
    }
    await tabTo('New Task')
    await page.keyboard.press('Enter')
    await page.getByRole('radio').first().waitFor()
    await tabTo('demo')
    await page.keyboard.press('Space')
    await tabTo('Message')
    await page.keyboard.type('/permit go')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    await tabTo('Allow')
    await page.keyboard.press('Enter')
    await page.getByText('granted').waitFor()
  })

  test('begin and end are announced, and the text is not', async () => {
    const task = await w.server.create('/permit go\n/text 2000 100')
    const page = await w.open(`/chat?taskId=${task.id}`)
    const announcer = page.locator('.chat-page > [role=status]')
    await announcer.getByText('The agent needs your input.').waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Allow' }).click()
    await announcer.getByText('The task is completed.').waitFor({ state: 'attached' })
    expect(await page.locator('.viewport[aria-live], .sizer[aria-live]').count()).toBe(0)
    const row = page.getByRole('article').first()
    expect([await row.getAttribute('aria-posinset'), Number(await row.getAttribute('aria-setsize'))]).toEqual(['1', expect.any(Number)])
  })

  test('nothing moves for those who asked for that', async () => {
    await w.server.create('/sleep 60')
    const page = await w.open('/tasks')
    await page.locator('.badge .spin').first().waitFor()
    const moves = () => page.locator('.badge .spin').first().evaluate((icon) => getComputedStyle(icon).animationName)
    expect(await moves()).toBe('spin')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    expect(await moves()).toBe('none')
  })

  test('forced colours keep the edges of what is told apart', async () => {
    const page = await w.open('/tasks')
    await page.emulateMedia({ forcedColors: 'active' })
    const badge = page.locator('.badge').first()
    await badge.waitFor()
    expect(await badge.evaluate((element) => getComputedStyle(element).borderTopStyle)).toBe('solid')
    await picture(page, 'tasks-forced-colours')
  })

  test('text of twice the size fits', async () => {
    const { done } = await furnish(w)
    const page = await w.open('/tasks')
    for (const path of ['/tasks', `/chat?taskId=${done.id}`]) {
      await page.goto(w.server.url + path)
      await page.locator('tbody tr, .card, .row').first().waitFor()
      await page.evaluate(() => (document.documentElement.style.fontSize = '200%'))
      await expectNoSideways(page)
    }
  })
})
