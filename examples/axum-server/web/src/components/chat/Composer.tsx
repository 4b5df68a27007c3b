import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { Delivery } from '../../client'

/**
 * Where messages are written. It owns nothing: the text is a draft that outlives it, and what becomes of a message is
 * shown by whoever sends it.
 */
export function Composer(props: {
  text: string
  onText: (text: string) => void
  onSend: (text: string, delivery: Delivery) => void
  placeholder: string
  hint: string
  /** Why nothing can be sent. */
  disabled?: string | undefined
  /** The agent is at work: a message can wait for it, or break in. */
  running?: boolean
  busy?: boolean
  children?: ReactNode
}) {
  const { text, onText, onSend, placeholder, hint, disabled, running, busy, children } = props
  const { t } = useTranslation()
  const area = useRef<HTMLTextAreaElement>(null)
  // A second Enter comes before the page knows of the first.
  const sent = useRef(false)
  useLayoutEffect(() => {
    sent.current = false
    grow(area.current)
  }, [text, busy])

  const isEmpty = text.trim() === ''
  const send = (delivery: Delivery) => {
    if (isEmpty || disabled !== undefined || busy || sent.current) return
    sent.current = true
    onSend(text, delivery)
  }
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // The Enter that ends a composition chooses a word; Safari tells of it only by its key code.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault()
      send('queue')
    } else if (event.key === 'Escape') {
      event.currentTarget.blur()
    }
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send('queue')
      }}
    >
      {children}
      <div className="composer-box">
        <textarea
          ref={area}
          rows={1}
          value={text}
          aria-label={t('chat.message')}
          placeholder={placeholder}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {running && (
          <button
            type="button"
            className="button interrupt"
            disabled={isEmpty || busy || disabled !== undefined}
            onClick={() => send('interrupt')}
          >
            {t('chat.interruptAndSend')}
          </button>
        )}
        <button type="submit" className="button primary" disabled={isEmpty || busy || disabled !== undefined}>
          {t('chat.send')}
        </button>
      </div>
      <p className="composer-hint muted">{disabled ?? hint}</p>
    </form>
  )
}

/** As high as its text, up to what the style allows. */
function grow(area: HTMLTextAreaElement | null) {
  if (area === null) return
  area.style.height = 'auto'
  area.style.height = `${area.scrollHeight + 2}px`
}
