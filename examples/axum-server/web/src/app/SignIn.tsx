import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'

import { useServices } from '../hooks/services'
import { words } from '../components/base/Toasts'
import { tokenOf } from './token'

/** Asks for the token when there is no session. The page behind it stays, with everything that was typed there. */
export function SignIn() {
  const { api } = useServices()
  const signedOut = useSyncExternalStore(
    (changed) => api.http.onSession(changed),
    () => api.http.signedOut,
  )
  const queries = useQueryClient()
  useEffect(() => {
    if (!signedOut) void queries.invalidateQueries()
  }, [signedOut, queries])
  return signedOut ? <SignInDialog /> : null
}

function SignInDialog() {
  const { t } = useTranslation()
  const { api } = useServices()
  const [text, setText] = useState('')
  const [error, setError] = useState<string>()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  // Another tab may have signed in for all of them.
  useEffect(() => {
    const timer = setInterval(() => void api.runningCount().catch(() => undefined), 5_000)
    return () => clearInterval(timer)
  }, [api])
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="sign-in" onCancel={(event) => event.preventDefault()}>
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault()
          setError(undefined)
          api.http.signIn(tokenOf(text) ?? text.trim()).then(
            (ok) => {
              if (ok) dispatchEvent(new Event('online'))
              else setError(t('app.wrongToken'))
            },
            (reason: unknown) => setError(words(reason)),
          )
        }}
      >
        <h2 id="sign-in">{t('app.signIn')}</h2>
        <p className="muted">{t('app.signInHint')}</p>
        <label className="field">
          {t('app.token')}
          <input
            type="password"
            autoComplete="off"
            data-autofocus
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        {error !== undefined && (
          <p className="inline-error" role="alert">
            {error}
          </p>
        )}
        <div className="dialog-actions">
          <button type="submit" className="button primary" disabled={text.trim() === ''}>
            {t('app.signIn')}
          </button>
        </div>
      </form>
    </dialog>
  )
}
