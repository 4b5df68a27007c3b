import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useDeletions, type Deletion } from '../../hooks/deletions'
import { Icon } from './Icon'

/** What was done a moment ago and can be undone. The countdown stands still while somebody looks at it. */
export function Toasts() {
  const { waiting, failed, held, hold, undo, dismiss } = useDeletions()
  const { t } = useTranslation()
  const last = waiting.length === 0
  useEffect(() => {
    // Whoever pointed at the last one has nothing to leave any more.
    if (last) hold(false)
  }, [last, hold])
  return (
    <div
      className="toasts"
      role="status"
      onMouseEnter={() => hold(true)}
      onMouseLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
    >
      {waiting.map((deletion) => (
        <UndoToast key={deletion.id} deletion={deletion} held={held} onUndo={() => undo(deletion.id)} />
      ))}
      {failed !== undefined && (
        <div className="toast error">
          <Icon name="alert" />
          <span>
            {t('tasks.actionFailed', { action: t('tasks.actions.delete'), reason: words(failed.error) })}
          </span>
          <button type="button" className="icon-button" aria-label={t('app.close')} onClick={dismiss}>
            <Icon name="cross" />
          </button>
        </div>
      )}
    </div>
  )
}

function UndoToast({ deletion, held, onUndo }: { deletion: Deletion; held: boolean; onUndo: () => void }) {
  const { t } = useTranslation()
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (held) return
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [held])
  const seconds = Math.max(0, Math.ceil((deletion.due - now) / 1000))
  return (
    <div className="toast">
      <span>{t('tasks.deleted', { count: deletion.tasks.length })}</span>
      {/* The name stays the same: nobody wants to hear it count. */}
      <button type="button" className="button" aria-label={t('tasks.undo')} onClick={onUndo}>
        <span aria-hidden="true">{t('tasks.undoIn', { seconds })}</span>
      </button>
    </div>
  )
}

/** An error in its own words. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
