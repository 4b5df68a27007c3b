import { expect, test } from 'vitest'

import { safeLink } from './links'

test('links lead to the web and to mail, and nowhere else', () => {
  expect(safeLink('https://example.org/a?b#c')).toBe('https://example.org/a?b#c')
  expect(safeLink('mailto:someone@example.org')).toBe('mailto:someone@example.org')
  for (const href of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' \u0001javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.org/1',
    '/api/session',
    '//example.org',
    'tasks',
    'https://example.org@evil.example/',
    'https://user:pw@example.org/',
    '',
  ]) {
    expect(safeLink(href), href).toBeUndefined()
  }
})
