import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { isSettled, type ConversationView, type Delivery, type Outgoing, type Task } from '../client'
import { downloadTranscript } from '../client/download'
import { Composer } from '../components/chat/Composer'
import { ConnectionBanner } from '../components/chat/ConnectionBanner'
import { Outbox } from '../components/chat/Outbox'
import { QuestionCard } from '../components/chat/QuestionCard'
import { RenameDialog } from '../components/chat/RenameDialog'
import { RunHeader } from '../components/chat/RunHeader'
import { TranscriptView, type TranscriptHandle } from '../components/chat/TranscriptView'
import { AppLink } from '../components/base/AppLink'
import { Icon } from '../components/base/Icon'
import { State } from '../components/base/State'
import { words } from '../components/base/Toasts'
import { DeleteDialog } from '../components/tasks/DeleteDialog'
import { useTitle, useVisible } from '../hooks/browser'
import { useDeletions } from '../hooks/deletions'
import { useNavigation } from '../hooks/navigation'
import { useServices } from '../hooks/services'
import { useConversation } from '../hooks/useConversation'
import { useDraft } from '../hooks/useDraft'
import { useShortcuts } from '../hooks/useShortcuts'
import { useAgents, useRefresh } from '../hooks/useTasks'

/** A task: its conversation as it goes on, what it asks, and what is said to it. */
export function TaskChat({ id }: { id: string }) {
  const { t } = useTranslation()
  const { conversation, view } = useConversation(id)
  if (view.phase === 'missing') {
    return (
      <Framed title={t('chat.missing')}>
        <State icon="search" title={t('chat.missing')} hint={t('chat.missingHint')}>
          <AppLink className="button" to="/tasks">
            {t('chat.back')}
          </AppLink>
        </State>
      </Framed>
    )
  }
  if (view.phase === 'failed') {
    return (
      <Framed title={t('chat.failed')}>
        <State icon="alert" title={t('chat.failed')} hint={words(view.error)} alert>
          <button type="button" className="button" onClick={() => void conversation.load()}>
            {t('app.retry')}
          </button>
        </State>
      </Framed>
    )
  }
  if (view.task === undefined) {
    return (
      <Framed title={t('chat.loading')}>
        <div className="state" aria-busy="true">
          <Icon name="spinner" className="spin" />
        </div>
      </Framed>
    )
  }
  return <Open conversation={conversation} view={view} task={view.task} />
}

function Framed({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useTranslation()
  useTitle(`${title} · ${t('app.name')}`)
  return (
    <div className="page chat-page">
      <h1 className="hidden">{title}</h1>
      {children}
    </div>
  )
}

function Open(props: { conversation: ReturnType<typeof useConversation>['conversation']; view: ConversationView; task: Task }) {
  const { conversation, view, task } = props
  const { t } = useTranslation()
  const { api } = useServices()
  const { navigate } = useNavigation()
  const deletions = useDeletions()
  const refresh = useRefresh()
  const agents = useAgents()
  const [text, setText] = useDraft(task.id)
  const [dialog, setDialog] = useState<'delete' | 'rename'>()
  const [error, setError] = useState<string>()
  const transcript = useRef<TranscriptHandle>(null)
  const settled = isSettled(task.status)
  const stop = useStop(task, () => conversation.cancel())
  useTaskTitle(task, t('app.name'))

  // The list and the badge need not wait for their turn when this page knows better.
  const refreshed = useRef(refresh)
  refreshed.current = refresh
  useEffect(() => refreshed.current(), [task.status])

  const latest = useRef(text)
  latest.current = text
  const retried = useRef({ text: '', key: '' })
  const send = (message: string, delivery: Delivery) => {
    const key = retried.current.text === message ? retried.current.key : crypto.randomUUID()
    setText('')
    latest.current = ''
    setError(undefined)
    transcript.current?.follow()
    void conversation.send(message, delivery, key).then((arrived) => {
      if (arrived) return
      // What was typed since then is not overwritten; then the message waits where it was shown.
      if (latest.current !== '') return
      retried.current = { text: message, key }
      setText(message)
      setError(t('chat.notSent'))
      conversation.discard(key)
    })
  }
  const edit = (message: Outgoing) => {
    setText((now) => (now === '' ? message.text : `${message.text}\n${now}`))
    conversation.discard(message.key)
  }
  const remove = () => {
    deletions.delete([task])
    navigate('/tasks')
  }
  useShortcuts(useMemo(() => ({ 'Mod+.': stop.stop, 'Mod+f': () => transcript.current?.find() }), [stop.stop]))
  const loadOlder = useCallback(() => void conversation.loadOlder(), [conversation])

  const waiting = view.messages.filter((message) => message.delivery === 'queued').length
  return (
    <div className="page chat-page">
      <RunHeader
        task={task}
        agent={agents.data?.find((agent) => agent.id === task.agent_id)}
        connection={view.connection}
        stopping={stop.since !== undefined}
        onStop={stop.stop}
        onRename={() => setDialog('rename')}
        onDownload={() => void downloadTranscript(api, task).catch((reason: unknown) => setError(words(reason)))}
        onFind={() => transcript.current?.find()}
        onDelete={() => (settled ? remove() : setDialog('delete'))}
      />
      <ConnectionBanner connection={view.connection} settled={settled} onRetry={() => conversation.retryNow()} />
      {stop.isLate && (
        <div className="banner">
          <Icon name="clock" />
          <span>{t('chat.stillStopping')}</span>
        </div>
      )}
      <TranscriptView
        ref={transcript}
        messages={view.messages}
        hasOlder={view.hasOlder}
        loadingOlder={view.loadingOlder}
        onOlder={loadOlder}
        busy={!settled}
      />
      <div className="composer-area">
        {task.requests.map((request) => (
          <QuestionCard
            key={request.request_id}
            task={task.id}
            request={request}
            onAnswer={async (answer) => {
              try {
                await conversation.answer(request.request_id, answer)
              } finally {
                void conversation.refresh()
              }
            }}
          />
        ))}
        <Composer
          text={text}
          onText={setText}
          onSend={send}
          running={!settled && task.status !== 'pending'}
          placeholder={t(settled ? 'chat.placeholderSettled' : 'chat.placeholderRunning')}
          hint={settled ? `${t('chat.resumeHint')} ${t('chat.hint')}` : t('chat.hint')}
        >
          <Ending task={task} />
          <Outbox
            outgoing={view.outgoing}
            onRetry={(message) => void conversation.send(message.text, message.delivery, message.key)}
            onEdit={edit}
          />
          {waiting > 0 && <p className="queue-note">{t('chat.queue', { count: waiting })}</p>}
          {error !== undefined && (
            <p className="inline-error" role="alert">
              {error}
            </p>
          )}
          {stop.error !== undefined && (
            <p className="inline-error" role="alert">
              {t('tasks.actionFailed', { action: t('chat.stop'), reason: words(stop.error) })}
            </p>
          )}
        </Composer>
      </div>
      <Announcer task={task} broken={view.connection.kind === 'broken'} />
      {dialog === 'rename' && (
        <RenameDialog title={task.title} onRename={(title) => conversation.rename(title)} onClose={() => setDialog(undefined)} />
      )}
      {dialog === 'delete' && <DeleteDialog tasks={[task]} onDelete={remove} onClose={() => setDialog(undefined)} />}
    </div>
  )
}

/** What there is to know of a task that nothing happens in. */
function Ending({ task }: { task: Task }) {
  const { t } = useTranslation()
  if (task.status === 'pending') return <p className="ending">{t('chat.waitingForPlace')}</p>
  if (!isSettled(task.status)) return null
  const words =
    task.status === 'completed' ? t('chat.done') : t('chat.ended', { status: t(`tasks.status.${task.status}`) })
  return <p className="ending">{words}</p>
}

/** Stopping takes a while, and is never a spinner in place of a button. */
function useStop(task: Task, cancel: () => Promise<void>) {
  const [since, setSince] = useState<number>()
  const [isLate, setLate] = useState(false)
  const [error, setError] = useState<unknown>()
  const settled = isSettled(task.status)
  useEffect(() => {
    if (settled) setSince(undefined)
  }, [settled])
  useEffect(() => {
    setLate(false)
    if (since === undefined) return
    const timer = setTimeout(() => setLate(true), LATE)
    return () => clearTimeout(timer)
  }, [since])
  const act = useRef(cancel)
  act.current = cancel
  const stop = useCallback(() => {
    if (settled || since !== undefined) return
    setSince(Date.now())
    setError(undefined)
    act.current().catch((reason: unknown) => {
      setSince(undefined)
      setError(reason)
    })
  }, [settled, since])
  return { stop, since, isLate, error }
}

/** The window says how it stands, for those who look elsewhere: that it ended meanwhile, that it asks. */
function useTaskTitle(task: Task, app: string) {
  const visible = useVisible()
  const [unseen, setUnseen] = useState(false)
  const before = useRef(task.status)
  useEffect(() => {
    if (before.current !== task.status && isSettled(task.status) && !visible) setUnseen(true)
    before.current = task.status
    if (visible) setUnseen(false)
  }, [task.status, visible])
  const mark = task.status === 'awaiting_input' ? '(!) ' : unseen ? `${task.status === 'completed' ? '✓' : '✕'} ` : ''
  useTitle(`${mark}${task.title} · ${app}`)
}

/** Begin and end for those who hear the page; the text itself is read when they go there. */
function Announcer({ task, broken }: { task: Task; broken: boolean }) {
  const { t } = useTranslation()
  const first = useRef(task.status)
  const [changed, setChanged] = useState(false)
  useEffect(() => {
    if (task.status !== first.current) setChanged(true)
  }, [task.status])
  let words = ''
  if (broken) words = t('chat.reconnecting')
  else if (task.status === 'awaiting_input') words = t('chat.needsYou')
  else if (!changed) words = ''
  else if (task.status === 'running') words = t('chat.replying')
  else if (task.status === 'completed') words = t('chat.replyDone')
  else if (task.status === 'failed') words = t('chat.replyFailed')
  else if (isSettled(task.status)) words = t('chat.replyStopped')
  return (
    <div className="hidden" role="status">
      {words}
    </div>
  )
}

/** Milliseconds after which stopping needs a word. */
const LATE = 10_000
