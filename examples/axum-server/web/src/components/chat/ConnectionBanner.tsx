import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { ConnectionState } from '../../client'
import { Icon } from '../base/Icon'

/** That the connection is broken, what that means for the task, and when it is tried again. Not for a blip. */
export function ConnectionBanner(props: { connection: ConnectionState; settled: boolean; onRetry: () => void }) {
  const { connection, settled, onRetry } = props
  const { t } = useTranslation()
  const [now, setNow] = useState(Date.now)
  const isBroken = connection.kind === 'broken'
  useEffect(() => {
    if (!isBroken) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [isBroken])
  if (connection.kind !== 'broken' || now - connection.since < BLIP) return null
  const seconds = Math.ceil((connection.retryAt - now) / 1000)
  let words = t('chat.reconnecting')
  if (settled) words = t('chat.connectionLostSettled', { seconds: Math.max(0, seconds) })
  else if (seconds > 0) words = t('chat.connectionLost', { seconds })
  return (
    <div className="banner">
      <Icon name="alert" />
      <span>{words}</span>
      <button type="button" className="button" onClick={onRetry}>
        {t('chat.retryNow')}
      </button>
    </div>
  )
}

/** Milliseconds of trouble that nobody needs to know of. */
const BLIP = 1_000
