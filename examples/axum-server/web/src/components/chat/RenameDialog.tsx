import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Dialog } from '../base/Dialog'
import { words } from '../base/Toasts'

export function RenameDialog(props: { title: string; onRename: (title: string) => Promise<void>; onClose: () => void }) {
  const { title, onRename, onClose } = props
  const { t } = useTranslation()
  const [text, setText] = useState(title)
  const [error, setError] = useState<unknown>()
  return (
    <Dialog title={t('chat.rename')} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          onRename(text.trim()).then(onClose, setError)
        }}
      >
        <label className="field">
          {t('chat.newTitle')}
          <input type="text" value={text} maxLength={200} data-autofocus onChange={(event) => setText(event.target.value)} />
        </label>
        {error !== undefined && (
          <p className="inline-error" role="alert">
            {words(error)}
          </p>
        )}
        <div className="dialog-actions">
          <button type="submit" className="button primary" disabled={text.trim() === ''}>
            {t('chat.save')}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
