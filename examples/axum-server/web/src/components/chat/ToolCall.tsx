import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { ToolBlock } from '../../client'
import { useNow } from '../../hooks/useNow'
import { CopyButton } from '../base/CopyButton'
import { Icon, type IconName } from '../base/Icon'
import { took } from '../base/time'
import { ansi } from './ansi'
import { Disclosure } from './Disclosure'

/**
 * A tool call: one line, and behind it what it was called with and what came of it. Failures stay open, and so does
 * what the agent has to say for itself.
 */
export function ToolCall({ tool, name, isAnswer }: { tool: ToolBlock; name: string; isAnswer: boolean }) {
  const { t } = useTranslation()
  const isOpen = tool.status === 'pending' || tool.status === 'running'
  return (
    <Disclosure
      name={name}
      className="tool"
      byDefault={tool.status === 'failed' || (isAnswer && tool.output !== '')}
      summary={
        <>
          <span className="tool-state" data-status={tool.status}>
            <Icon name={ICONS[tool.status]} className={isOpen ? 'spin' : ''} />
            <span className="hidden">{t(`chat.tool.${tool.status}`)}</span>
          </span>
          <span className="tool-name">{tool.name}</span>
          <span className="tool-title">{isOpen ? lastLine(tool.output) || tool.title : tool.title}</span>
          {typeof tool.exit_code === 'number' && tool.exit_code !== 0 && (
            <span className="tool-exit">{t('chat.exit', { code: tool.exit_code })}</span>
          )}
          <span className="tool-time mono">
            {tool.ended_at === null ? <Elapsed since={tool.started_at} /> : took(Date.parse(tool.ended_at) - Date.parse(tool.started_at))}
          </span>
        </>
      }
    >
      {() => (
        <>
          {tool.input != null && (
            <section>
              <h3>{t('chat.input')}</h3>
              <pre tabIndex={0}>{JSON.stringify(tool.input, null, 2)}</pre>
            </section>
          )}
          <section>
            <h3>{t('chat.output')}</h3>
            {tool.output === '' ? <p className="muted">{t('chat.noOutput')}</p> : <Output text={tool.output} />}
          </section>
        </>
      )}
    </Disclosure>
  )
}

function Elapsed({ since }: { since: string }) {
  return took(useNow() - Date.parse(since))
}

/** The end of an output, and all of it for those who ask: a build log of megabytes would stop the page. */
function Output({ text }: { text: string }) {
  const { t } = useTranslation()
  const [all, setAll] = useState(false)
  const [wraps, setWraps] = useState(true)
  const isCut = text.length > SHOWN && !all
  const shown = isCut ? text.slice(text.indexOf('\n', text.length - SHOWN) + 1) : text
  const spans = useMemo(() => ansi(shown), [shown])
  return (
    <div className="output">
      <div className="output-actions">
        {isCut && (
          <button type="button" className="text-button" onClick={() => setAll(true)}>
            {t('chat.showAll', { size: `${Math.ceil(text.length / 1024)} kB` })}
          </button>
        )}
        <button type="button" className="text-button" aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
          {t('chat.wrap')}
        </button>
        <CopyButton text={text} />
      </div>
      <pre tabIndex={0} data-wraps={wraps}>
        {spans.map((span, at) => (
          <span key={at} data-color={span.color} data-bold={span.bold}>
            {span.text}
          </span>
        ))}
      </pre>
    </div>
  )
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}

const ICONS: Record<ToolBlock['status'], IconName> = {
  cancelled: 'slash',
  completed: 'check',
  failed: 'cross',
  pending: 'spinner',
  running: 'spinner',
}

/** Characters of output that are shown at first. */
const SHOWN = 20_000
