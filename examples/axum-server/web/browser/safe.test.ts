import { expect, test } from 'vitest'

import { world } from './harness'

world('what agents say', {}, (w) => {
  test('is text: no markup, no script, no bad link, no picture from elsewhere', async () => {
    const foreign: string[] = []
    const attack = [
      '<img src=x onerror="window.broken=1"><script>window.broken=1</script>',
      '[click](javascript:window.broken=1) [data](data:text/html,x) [good](https://example.org/)',
      '![picture](https://elsewhere.example/pixel.png)',
      '<https://example.org/auto> <svg onload="window.broken=1">',
      '',
      '<div onclick="window.broken=1">a block of markup</div>',
    ].join('\n')
    const task = await w.server.create(attack)
    await w.server.until(task.id, ({ status }) => status === 'completed')
    const page = await w.context.newPage()
    page.on('request', (request) => {
      if (!request.url().startsWith(w.server.url)) foreign.push(request.url())
    })
    await page.goto(`${w.server.url}/chat?taskId=${task.id}#token=${w.server.token}`)
    const text = page.locator('.row[data-kind=text]')
    await text.getByText('onerror').first().waitFor()
    await text.getByText('<div onclick').waitFor()
    expect(await text.locator('img, script, svg, iframe, [onclick]').count()).toBe(0)
    const links = await text.locator('a').evaluateAll((all) => all.map((link) => [link.getAttribute('href'), link.getAttribute('rel')]))
    expect(links.map(([href]) => href)).toEqual([
      'https://example.org/',
      'https://elsewhere.example/pixel.png',
      'https://example.org/auto',
    ])
    expect(links.every(([, rel]) => rel === 'noopener noreferrer')).toBe(true)
    expect(await page.evaluate(() => 'broken' in window)).toBe(false)
    expect(foreign).toEqual([])
  })

  test('a title is text everywhere', async () => {
    const task = await w.server.create('<img src=x onerror="window.broken=1"> title')
    const page = await w.open('/tasks')
    await page.locator('tbody').getByText('<img src=x').first().waitFor()
    await page.goto(`${w.server.url}/chat?taskId=${task.id}`)
    await page.getByRole('heading', { level: 1, name: '<img src=x' }).waitFor()
    expect(await page.evaluate(() => 'broken' in window)).toBe(false)
  })

  test('the browser itself refuses text that would become a script', async () => {
    w.allow(/TrustedHTML|Trusted Type|require-trusted-types/)
    const page = await w.open('/tasks')
    const refused = await page.evaluate(() => {
      try {
        document.body.innerHTML += '<p>x</p>'
        return false
      } catch (error) {
        return error instanceof TypeError
      }
    })
    expect(refused).toBe(true)
  })

  test('the token is nowhere that a script or a history finds it', async () => {
    const page = await w.open('/tasks')
    await page.locator('h1').waitFor()
    const places = await page.evaluate(() =>
      [location.href, document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.documentElement.outerHTML].join(),
    )
    expect(places).not.toContain(w.server.token)
  })
})
