import { expect, test } from 'vitest'

import { takeToken, tokenOf } from './token'

test('the token is taken out of the address, and the rest stays', () => {
  history.replaceState(null, '', '/chat?taskId=1#token=a%2Fb')
  expect(takeToken()).toBe('a/b')
  expect(location.pathname + location.search + location.hash).toBe('/chat?taskId=1')
  expect(takeToken()).toBeUndefined()
})

test('the line that the server prints may be pasted whole', () => {
  expect(tokenOf('listening on http://127.0.0.1:3000/#token=abc')).toBe('abc')
  expect(tokenOf('abc')).toBeUndefined()
  expect(tokenOf('#token=%')).toBeUndefined()
})
