import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, Route, Routes, useHref, useNavigate, useSearchParams } from 'react-router'

import { ErrorBoundary } from '../components/base/ErrorBoundary'
import { Icon } from '../components/base/Icon'
import { State } from '../components/base/State'
import { Toasts } from '../components/base/Toasts'
import { NavigationProvider, type Navigation } from '../hooks/navigation'
import { usePreferences } from '../hooks/preferences'
import { useShortcuts } from '../hooks/useShortcuts'
import { speak } from '../i18n'
import { TasksPage } from '../pages/TasksPage'
import { Palette } from './Palette'
import { Shell } from './Shell'
import { ShortcutHelp } from './ShortcutHelp'
import { SignIn } from './SignIn'

// The conversation is the larger half; the list is there first.
const ChatPage = lazy(() => import('../pages/ChatPage').then(({ ChatPage: page }) => ({ default: page })))

/** The pages in their frame. */
export function App() {
  const { t } = useTranslation()
  const navigation = useRouter()
  const [open, setOpen] = useState<'help' | 'palette'>()
  usePreferred()
  useShortcuts(useMemo(() => ({ '?': () => setOpen('help'), 'Mod+k': () => setOpen('palette') }), []))
  return (
    <NavigationProvider navigation={navigation}>
      <Shell onPalette={() => setOpen('palette')} onHelp={() => setOpen('help')}>
        <ErrorBoundary fallback={<Crashed />}>
          <Suspense
            fallback={
              <div className="state" aria-busy="true">
                <Icon name="spinner" className="spin" />
              </div>
            }
          >
            <Routes>
              <Route path="/" element={<Navigate to="/tasks" replace />} />
              <Route path="/tasks" element={<Tasks />} />
              <Route path="/chat" element={<Chat />} />
              <Route path="*" element={<State icon="search" title={t('app.notFound')} />} />
            </Routes>
          </Suspense>
        </ErrorBoundary>
      </Shell>
      <Toasts />
      <SignIn />
      {open === 'help' && <ShortcutHelp onClose={() => setOpen(undefined)} />}
      {open === 'palette' && <Palette onClose={() => setOpen(undefined)} />}
    </NavigationProvider>
  )
}

function Tasks() {
  const [search] = useSearchParams()
  return <TasksPage search={search} />
}

function Chat() {
  const [search] = useSearchParams()
  return <ChatPage search={search} />
}

function Crashed() {
  const { t } = useTranslation()
  return (
    <State icon="alert" title={t('app.crashed')} alert>
      <button type="button" className="button" onClick={() => location.reload()}>
        {t('app.reload')}
      </button>
    </State>
  )
}

function useRouter(): Navigation {
  const navigate = useNavigate()
  const root = useHref('/').replace(/\/$/, '')
  return useMemo(
    () => ({ navigate: (to, options) => void navigate(to, options), href: (to) => root + to }),
    [navigate, root],
  )
}

function usePreferred() {
  const { theme, language } = usePreferences()
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
  }, [theme])
  useEffect(() => void speak(language), [language])
}
