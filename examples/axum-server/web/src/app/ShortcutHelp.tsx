import { useTranslation } from 'react-i18next'

import { Dialog } from '../components/base/Dialog'
import { prefer, usePreferences } from '../hooks/preferences'

/** What keys do, and the way to switch the single ones off. */
export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { shortcuts } = usePreferences()
  return (
    <Dialog title={t('app.shortcuts')} onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, name]) => (
          <div key={name}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(name)}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={shortcuts} onChange={(event) => prefer({ shortcuts: event.target.checked })} />
        {t('app.shortcutsOn')}
      </label>
    </Dialog>
  )
}

const KEYS = [
  [['⌘/Ctrl K'], 'app.palette'],
  [['/'], 'app.keySearch'],
  [['j', 'k'], 'app.keyMove'],
  [['Enter'], 'app.keyOpen'],
  [['⌘/Ctrl .'], 'app.keyStop'],
  [['⌘/Ctrl F'], 'app.keyFind'],
  [['?'], 'app.keyHelp'],
] as const
