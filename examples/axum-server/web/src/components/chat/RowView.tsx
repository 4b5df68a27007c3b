import { memo } from 'react'
import { useTranslation } from 'react-i18next'

import type { NoticeLevel, PlanEntry, TranscriptMessage } from '../../client'
import { Icon, type IconName } from '../base/Icon'
import { clockTime, moment } from '../base/time'
import { safeLink } from '../markdown/links'
import { Markdown } from '../markdown/Markdown'
import { answerText } from './answers'
import { Disclosure } from './Disclosure'
import type { Row } from './rows'
import { ToolCall } from './ToolCall'

/** A row of the transcript. */
export const RowView = memo(function RowView({ row }: { row: Row }) {
  const { t } = useTranslation()
  switch (row.kind) {
    case 'user':
      return <UserMessage message={row.message} />
    case 'run':
      return (
        <p className="run-mark">
          <span>{t('chat.run', { run: row.run })}</span>
          <ClockTime at={row.message.at} />
        </p>
      )
    case 'text':
      return <Markdown text={row.text} />
    case 'thinking':
      return (
        <Disclosure name={row.key} className="thinking" summary={<span>{t('chat.thinking')}</span>}>
          {() => <p className="thought">{row.text}</p>}
        </Disclosure>
      )
    case 'tool':
      return <ToolCall tool={row.tool} name={row.key} isAnswer={row.isAnswer} />
    case 'plan':
      return <PlanList entries={row.entries} />
    case 'request': {
      const { prompt, request, answer, options } = row.request
      return (
        <div className="asked">
          <Icon name="alert" />
          <div>
            <p className="muted">{t(request === 'permission' ? 'chat.asksPermission' : 'chat.asks')}</p>
            <p>{prompt}</p>
            <p className="muted">
              {answer === undefined ? t('chat.unanswered') : t('chat.answered', { answer: answerText(answer, options) })}
            </p>
          </div>
        </div>
      )
    }
    case 'notice':
      return <Notice level={row.level} text={row.text} isOwn={row.message.role === 'system'} />
    case 'custom':
      return (
        <Disclosure
          name={row.key}
          className="custom"
          summary={
            <>
              <span className="mono">{row.name}</span>
              <span className="muted">{t('chat.events', { count: row.count })}</span>
              <span className="custom-last mono">{JSON.stringify(row.last.data)}</span>
            </>
          }
        >
          {() => (
            <pre tabIndex={0}>
              {JSON.stringify(row.first.data)}
              {row.count > 1 && `\n${row.count > 2 ? '…\n' : ''}${JSON.stringify(row.last.data)}`}
            </pre>
          )}
        </Disclosure>
      )
    case 'attachment':
      return <Attachment block={row.block} />
  }
})

function ClockTime({ at }: { at: string }) {
  const { i18n } = useTranslation()
  return (
    <time dateTime={at} title={moment(at, i18n.language)}>
      {clockTime(at, Date.now(), i18n.language)}
    </time>
  )
}

function UserMessage({ message }: { message: TranscriptMessage }) {
  const { t } = useTranslation()
  return (
    <div className="user" data-delivery={message.delivery}>
      <p className="user-head">
        <strong>{t('chat.you')}</strong>
        <ClockTime at={message.at} />
        {message.delivery === 'queued' && <span className="delivery">{t('chat.queued')}</span>}
        {message.delivery === 'refused' && <span className="delivery refused">{t('chat.refused')}</span>}
      </p>
      {message.content.map((block, at) => {
        // What people type is not Markdown: a script keeps its lines and its stars.
        if (block.type === 'text') return <p key={at} className="plain">{block.text}</p>
        if (block.type === 'image' || block.type === 'resource') return <Attachment key={at} block={block} />
        return null
      })}
    </div>
  )
}

function PlanList({ entries }: { entries: PlanEntry[] }) {
  const { t } = useTranslation()
  return (
    <section className="plan" aria-label={t('chat.plan')}>
      <h3>{t('chat.plan')}</h3>
      <ul>
        {entries.map((entry, at) => (
          <li key={at} data-status={entry.status}>
            <Icon name={STEPS[entry.status]} className={entry.status === 'in_progress' ? 'spin' : ''} />
            <span>{entry.text}</span>
            <span className="hidden">{t(`chat.step.${entry.status}`)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Notice({ level, text, isOwn }: { level: NoticeLevel; text: string; isOwn: boolean }) {
  const { t } = useTranslation()
  // The server tells of these two in English; the reason is whatever it is.
  const reason = /^Interrupted: (.*)$/s.exec(text)?.[1]
  let words = text
  if (isOwn && text === 'Cancelled') words = t('chat.cancelledNotice')
  else if (isOwn && reason !== undefined) words = t('chat.interruptedNotice', { reason })
  return (
    <p className="notice" data-level={level}>
      <Icon name={level === 'info' ? 'slash' : 'alert'} />
      <span>{words}</span>
    </p>
  )
}

function Attachment({ block }: { block: Extract<Row, { kind: 'attachment' }>['block'] }) {
  if (block.type === 'image') {
    if (!PICTURES.has(block.media_type)) return <p className="muted">{block.media_type}</p>
    return <img className="picture" src={`data:${block.media_type};base64,${block.data}`} alt="" />
  }
  const address = safeLink(block.uri)
  const name = block.name ?? block.uri
  return (
    <div className="resource">
      {address === undefined ? (
        <span className="mono">{name}</span>
      ) : (
        <a href={address} target="_blank" rel="noopener noreferrer">
          {name}
        </a>
      )}
      {block.text != null && <pre tabIndex={0}>{block.text}</pre>}
    </div>
  )
}

const STEPS: Record<PlanEntry['status'], IconName> = { completed: 'check', in_progress: 'spinner', pending: 'clock' }

/** Pictures that are nothing but pictures. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])
