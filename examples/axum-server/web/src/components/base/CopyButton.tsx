import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

/** Copies a text, and says that it did. */
export function CopyButton({ text }: { text: string }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2_000)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <button
      type="button"
      className="text-button"
      onClick={() => {
        // Without leave, or without a secure page, there is no clipboard; the text is there to be selected.
        navigator.clipboard?.writeText(text).then(
          () => setCopied(true),
          () => undefined,
        )
      }}
    >
      {copied ? t('chat.copied') : t('chat.copy')}
    </button>
  )
}
