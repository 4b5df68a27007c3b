import { expect, test } from 'vitest'

import { ApiError, Http, Unreachable } from './http'

/** A server whose sessions end, and that counts what it is asked. */
function server() {
  const asked: string[] = []
  let isSignedIn = false
  const fake = (url: unknown, init?: RequestInit): Promise<Response> => {
    asked.push(`${init?.method} ${String(url)}`)
    if (String(url).endsWith('/session')) {
      isSignedIn = String(init?.body).includes('"secret"')
      return Promise.resolve(new Response(null, { status: isSignedIn ? 204 : 401 }))
    }
    if (!isSignedIn) return Promise.resolve(Response.json({ code: 'unauthorized' }, { status: 401 }))
    return Promise.resolve(Response.json({ ok: true }))
  }
  const http = new Http({ base: '/api', fetch: fake as typeof fetch })
  return { http, asked, restart: () => (isSignedIn = false) }
}

test('a server that was restarted is signed in to again, once for all who ask', async () => {
  const { http, asked, restart } = server()
  expect(await http.signIn('secret')).toBe(true)
  restart()
  const answers = await Promise.all([1, 2, 3].map(() => http.json('GET', '/tasks')))
  expect(answers).toEqual([{ ok: true }, { ok: true }, { ok: true }])
  expect(asked.filter((line) => line.endsWith('/session'))).toHaveLength(2)
  expect(http.signedOut).toBe(false)
})

test('without a token it says that nobody is signed in', async () => {
  const { http } = server()
  let changes = 0
  http.onSession(() => (changes += 1))
  await expect(http.json('GET', '/tasks')).rejects.toThrow(ApiError)
  await expect(http.json('GET', '/tasks')).rejects.toMatchObject({ status: 401, code: 'unauthorized' })
  expect([http.signedOut, changes]).toEqual([true, 1])
  expect(await http.signIn('wrong')).toBe(false)
  expect(await http.signIn('secret')).toBe(true)
  expect([http.signedOut, changes]).toEqual([false, 2])
})

test('a server that is down is told apart from one that refuses', async () => {
  const http = new Http({ base: '', fetch: () => Promise.reject(new TypeError('failed')) })
  await expect(http.json('GET', '/tasks')).rejects.toThrow(Unreachable)
})

test('an answer that is no problem document is an error with its status', async () => {
  const http = new Http({ base: '', fetch: () => Promise.resolve(new Response('<html>', { status: 502 })) })
  await expect(http.json('GET', '/tasks')).rejects.toMatchObject({ status: 502 })
})
