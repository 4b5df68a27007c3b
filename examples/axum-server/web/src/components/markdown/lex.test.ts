import { render } from '@testing-library/react'
import { expect, test } from 'vitest'
import { createElement } from 'react'

import { startTranslation } from '../../i18n'
import { Markdown } from './Markdown'

function html(text: string): string {
  return render(createElement(Markdown, { text })).container.firstElementChild?.innerHTML ?? ''
}

test('Chinese emphasis is emphasis', () => {
  expect(html('**任务管理：**下一步')).toBe('<p><strong>任务管理：</strong>下一步</p>')
  expect(html('他说**“好”**了')).toBe('<p>他说<strong>“好”</strong>了</p>')
  expect(html('*重点。*继续')).toBe('<p><em>重点。</em>继续</p>')
  expect(html('**粗体**正常')).toBe('<p><strong>粗体</strong>正常</p>')
})

test('stars that multiply are no emphasis', () => {
  expect(html('2 * 3 * 4')).toBe('<p>2 * 3 * 4</p>')
  expect(html('a ** b ** c')).toBe('<p>a ** b ** c</p>')
  expect(html('**plain** *words*')).toBe('<p><strong>plain</strong> <em>words</em></p>')
})

test('HTML is text, and pictures are links', () => {
  expect(html('a <img src=x onerror=alert(1)> b')).toBe('<p>a &lt;img src=x onerror=alert(1)&gt; b</p>')
  expect(html('<script>alert(1)</script>')).not.toContain('<script')
  expect(html('![cat](https://example.org/cat.png)')).toContain('<a href="https://example.org/cat.png"')
  expect(html('[x](javascript:alert(1))')).toBe('<p>x</p>')
})

test('entities are what they stand for', () => {
  expect(html('a &amp; b &lt;c')).toBe('<p>a &amp; b &lt;c</p>')
})

test('lists, tables and code keep their shape', async () => {
  await startTranslation('en')
  expect(html('3. c\n4. d')).toBe('<ol start="3"><li>c</li><li>d</li></ol>')
  expect(html('- [x] done\n- [ ] open')).toContain('checked=""')
  expect(html('| a | b |\n|---|--:|\n| 1 | 2 |')).toContain('<td data-align="right">2</td>')
  expect(html('```rust\nlet x = "<b>";\n```')).toContain('let x = "&lt;b&gt;";')
})
