import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { CreateTask } from '../client'
import { AgentPicker } from '../components/chat/AgentPicker'
import { Composer } from '../components/chat/Composer'
import { AppLink } from '../components/base/AppLink'
import { Icon } from '../components/base/Icon'
import { State } from '../components/base/State'
import { words } from '../components/base/Toasts'
import { useTitle } from '../hooks/browser'
import { useNavigation } from '../hooks/navigation'
import { useServices } from '../hooks/services'
import { useChosen } from '../hooks/useChosen'
import { useDraft } from '../hooks/useDraft'
import { useAgents } from '../hooks/useTasks'

/** Chooses an agent and says the first message; the conversation goes on in the same place. */
export function NewChat({ agentId }: { agentId: string }) {
  const { t } = useTranslation()
  const { api } = useServices()
  const { navigate } = useNavigation()
  const queries = useQueryClient()
  const agents = useAgents()
  const [text, setText] = useDraft('new')
  const [model, setModel] = useState('')
  const [workDir, setWorkDir] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  // The same message again, after an answer that never came, must not become two tasks.
  const attempt = useRef({ what: '', key: '' })
  useTitle(`${t('chat.new')} · ${t('app.name')}`)

  const available = agents.data?.filter((agent) => agent.available) ?? []
  const only = available.length === 1 ? available[0]?.id : undefined
  const [asked, choose] = useChosen(agentId, (id) => navigate(`/chat?agentId=${encodeURIComponent(id)}`, { replace: true }))
  const chosen = available.find((agent) => agent.id === asked)?.id ?? only ?? ''

  const create = (message: string) => {
    const task: CreateTask = { agent_id: chosen, message }
    if (model.trim() !== '') task.model = model.trim()
    if (workDir.trim() !== '') task.work_dir = workDir.trim()
    const what = JSON.stringify(task)
    if (attempt.current.what !== what) attempt.current = { what, key: crypto.randomUUID() }
    setBusy(true)
    setError(undefined)
    api
      .create(task, attempt.current.key)
      .then(({ id }) => {
        setText('')
        void queries.invalidateQueries({ queryKey: ['tasks'] })
        navigate(`/chat?taskId=${id}`, { replace: true })
      })
      .catch((reason: unknown) => {
        setError(reason)
        setBusy(false)
      })
  }

  return (
    <div className="page chat-page new-chat">
      <header className="run-head">
        <AppLink to="/tasks" className="icon-button" aria-label={t('chat.back')} title={t('chat.back')}>
          <Icon name="back" />
        </AppLink>
        <div className="run-text">
          <h1>{t('chat.new')}</h1>
        </div>
      </header>
      <div className="new-body">
        {agents.data !== undefined ? (
          <AgentPicker agents={agents.data} chosen={chosen} onChoose={choose} />
        ) : agents.isError ? (
          <State icon="alert" title={t('chat.agentsFailed')} hint={words(agents.error)} alert>
            <button type="button" className="button" onClick={() => void agents.refetch()}>
              {t('app.retry')}
            </button>
          </State>
        ) : (
          <div className="state" aria-busy="true">
            <Icon name="spinner" className="spin" />
          </div>
        )}
      </div>
      <div className="composer-area">
        <details className="options">
          <summary>{t('chat.options')}</summary>
          <label className="field">
            {t('tasks.columns.model')}
            <input type="text" value={model} autoComplete="off" onChange={(event) => setModel(event.target.value)} />
          </label>
          <label className="field">
            {t('chat.workDir')}
            <input type="text" value={workDir} autoComplete="off" onChange={(event) => setWorkDir(event.target.value)} />
          </label>
        </details>
        <Composer
          text={text}
          onText={setText}
          onSend={create}
          placeholder={t('chat.placeholderNew')}
          hint={t('chat.hint')}
          disabled={chosen === '' ? t('chat.chooseHint') : undefined}
          busy={busy}
        >
          {error !== undefined && (
            <p className="inline-error" role="alert">
              {`${t('chat.notSent')}: ${words(error)}`}
            </p>
          )}
        </Composer>
      </div>
    </div>
  )
}
