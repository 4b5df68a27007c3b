import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { ApiError, type InputRequest } from '../../client'
import { useDraft } from '../../hooks/useDraft'
import { useNow } from '../../hooks/useNow'
import { Icon } from '../base/Icon'
import { span } from '../base/time'
import { words } from '../base/Toasts'
import { answerText } from './answers'

/** A question that waits, pinned where it cannot scroll away. */
export function QuestionCard(props: {
  task: string
  request: InputRequest
  onAnswer: (answer: unknown) => Promise<void>
}) {
  const { task, request, onAnswer } = props
  const { t } = useTranslation()
  const [text, setText] = useDraft(`${task}.${request.request_id}`)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const options = request.options ?? []

  const answer = (value: unknown) => {
    setBusy(true)
    setError(undefined)
    onAnswer(value)
      .then(() => setText(''))
      .catch((reason: unknown) => {
        const first = reason instanceof ApiError && reason.status === 409 ? reason.problem.answer : undefined
        setError(first === undefined ? words(reason) : t('chat.answeredElsewhere', { answer: answerText(first, options) }))
      })
      .finally(() => setBusy(false))
  }

  return (
    <section className="question" aria-label={t(request.request === 'permission' ? 'chat.asksPermission' : 'chat.asks')}>
      <Icon name="alert" />
      <div className="question-body">
        <p className="question-kind">{t(request.request === 'permission' ? 'chat.asksPermission' : 'chat.asks')}</p>
        <p className="plain">{request.prompt}</p>
        {request.deadline != null && <Deadline request={request} />}
        {error !== undefined && (
          <p className="inline-error" role="alert">
            {error}
          </p>
        )}
        <div className="question-answers">
          {options.map((option) => (
            <button
              key={option.id}
              type="button"
              className={option.kind?.startsWith('allow') ? 'button primary' : 'button'}
              disabled={busy}
              onClick={() => answer(option.id)}
            >
              {option.label}
            </button>
          ))}
          {request.request === 'question' && (
            <form
              className="answer"
              onSubmit={(event) => {
                event.preventDefault()
                if (text.trim() !== '') answer(text)
              }}
            >
              <input
                type="text"
                value={text}
                aria-label={t('chat.yourAnswer')}
                placeholder={t('chat.yourAnswer')}
                onChange={(event) => setText(event.target.value)}
              />
              <button type="submit" className="button primary" disabled={busy || text.trim() === ''}>
                {t('chat.answer')}
              </button>
            </form>
          )}
        </div>
      </div>
    </section>
  )
}

function Deadline({ request }: { request: InputRequest }) {
  const { t, i18n } = useTranslation()
  const left = Date.parse(request.deadline ?? '') - useNow()
  const answer = answerText(request.default ?? null, request.options)
  return <p className="muted">{t('chat.deadline', { answer, span: span(left, i18n.language) })}</p>
}
