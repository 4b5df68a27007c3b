import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'react-router'

import { AppLink } from '../components/base/AppLink'
import { Icon, type IconName } from '../components/base/Icon'
import { prefer, usePreferences, type Theme } from '../hooks/preferences'
import { useRunningCount } from '../hooks/useTasks'

/** What is around every page: the way to the others, what runs, and how it looks. */
export function Shell(props: { onPalette: () => void; onHelp: () => void; children: ReactNode }) {
  const { onPalette, onHelp, children } = props
  const { t } = useTranslation()
  const path = useLocation().pathname
  return (
    <div className="shell" data-path={path.split('/')[1]}>
      <a className="skip" href="#content" onClick={skip}>
        {t('nav.skip')}
      </a>
      <nav className="sidebar" aria-label={t('nav.main')}>
        <p className="brand">
          <span className="brand-mark" aria-hidden="true" />
          {t('app.name')}
        </p>
        <ul>
          <NavItem to="/chat" icon="chat" name={t('nav.chat')} current={path.startsWith('/chat')} />
          <NavItem to="/tasks" icon="tasks" name={t('nav.tasks')} current={path.startsWith('/tasks')}>
            <RunningBadge />
          </NavItem>
        </ul>
        <div className="sidebar-foot">
          <div className="sidebar-keys">
            <button type="button" className="text-button" aria-label={t('app.palette')} title={t('app.palette')} onClick={onPalette}>
              <kbd>{`${MODIFIER}K`}</kbd>
            </button>
            <button type="button" className="text-button" aria-label={t('app.shortcuts')} title={t('app.shortcuts')} onClick={onHelp}>
              <kbd>?</kbd>
            </button>
          </div>
          <Looks />
        </div>
      </nav>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

function NavItem(props: { to: string; icon: IconName; name: string; current: boolean; children?: ReactNode }) {
  const { to, icon, name, current, children } = props
  return (
    <li>
      <AppLink to={to} className="nav-item" aria-current={current ? 'page' : undefined}>
        <Icon name={icon} />
        <span>{name}</span>
        {children}
      </AppLink>
    </li>
  )
}

/** How many tasks run, if any does; louder when one of them waits for somebody. */
function RunningBadge() {
  const { data } = useRunningCount()
  const { t } = useTranslation()
  if (data === undefined || data.count === 0) return null
  return (
    <span className="running-badge" data-needs={data.awaiting_input > 0} title={t('nav.running', { count: data.count })}>
      <span aria-hidden="true">{data.count}</span>
      <span className="hidden">{t('nav.running', { count: data.count })}</span>
    </span>
  )
}

function Looks() {
  const { t } = useTranslation()
  const { theme, language } = usePreferences()
  return (
    <div className="looks">
      <label>
        <span className="hidden">{t('app.theme')}</span>
        <select value={theme} onChange={(event) => prefer({ theme: event.target.value as Theme })}>
          <option value="system">{t('app.themeSystem')}</option>
          <option value="light">{t('app.themeLight')}</option>
          <option value="dark">{t('app.themeDark')}</option>
        </select>
      </label>
      <label>
        <span className="hidden">{t('app.language')}</span>
        <select value={language} onChange={(event) => prefer({ language: event.target.value === 'zh' ? 'zh' : 'en' })}>
          <option value="en" lang="en">
            {NAMES.en}
          </option>
          <option value="zh" lang="zh-CN">
            {NAMES.zh}
          </option>
        </select>
      </label>
    </div>
  )
}

/** Moves the focus without changing the address. */
function skip(event: { preventDefault: () => void }) {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

/** As the keyboard has it. */
const MODIFIER = /Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl '

/** Languages are named in themselves. */
const NAMES = { en: 'English', zh: '中文' }
