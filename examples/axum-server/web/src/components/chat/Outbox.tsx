import { useTranslation } from 'react-i18next'

import type { Outgoing } from '../../client'
import { words } from '../base/Toasts'

/** Messages on their way, and those that did not get away. */
export function Outbox(props: {
  outgoing: readonly Outgoing[]
  onRetry: (message: Outgoing) => void
  onEdit: (message: Outgoing) => void
}) {
  const { outgoing, onRetry, onEdit } = props
  const { t } = useTranslation()
  return outgoing.map((message) => (
    <div key={message.key} className="outgoing" data-failed={message.error !== undefined}>
      <p className="plain">{message.text}</p>
      {message.error === undefined ? (
        <span className="muted">{t(message.accepted ? 'chat.queued' : 'chat.sending')}</span>
      ) : (
        <span className="outgoing-actions">
          <span role="alert">{`${t('chat.notSent')}: ${words(message.error)}`}</span>
          <button type="button" className="button" onClick={() => onRetry(message)}>
            {t('chat.retry')}
          </button>
          <button type="button" className="button" onClick={() => onEdit(message)}>
            {t('chat.edit')}
          </button>
        </span>
      )}
    </div>
  ))
}
