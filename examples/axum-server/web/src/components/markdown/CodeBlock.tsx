import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { CopyButton } from '../base/CopyButton'

/** Code as it is, to be copied, with lines as long as they are or broken. */
export function CodeBlock({ text, language }: { text: string; language: string }) {
  const { t } = useTranslation()
  const [wraps, setWraps] = useState(false)
  return (
    <figure className="code">
      <figcaption>
        <span className="mono">{language}</span>
        <button type="button" className="text-button" aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
          {t('chat.wrap')}
        </button>
        <CopyButton text={text} />
      </figcaption>
      <pre tabIndex={0} data-wraps={wraps}>
        <code>{text}</code>
      </pre>
    </figure>
  )
}
