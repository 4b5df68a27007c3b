import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useImperativeHandle, useMemo, useRef, useState, type Ref } from 'react'
import { useTranslation } from 'react-i18next'

import type { TranscriptMessage } from '../../client'
import { useFollow } from '../../hooks/useFollow'
import { Icon } from '../base/Icon'
import { OpenRows } from './Disclosure'
import { FindBar } from './FindBar'
import { Rows, type Row } from './rows'
import { RowView } from './RowView'

export interface TranscriptHandle {
  /** Goes to the newest row and stays there. */
  follow: () => void
  find: () => void
}

/** The conversation: only the rows in sight are there, however long it is. */
export function TranscriptView(props: {
  messages: readonly TranscriptMessage[]
  hasOlder: boolean
  loadingOlder: boolean
  onOlder: () => void
  /** Something is going on, and the next row may come at any moment. */
  busy: boolean
  ref?: Ref<TranscriptHandle>
}) {
  const { messages, hasOlder, loadingOlder, onOlder, busy, ref } = props
  const { t } = useTranslation()
  const [maker] = useState(() => new Rows())
  const [openRows] = useState(() => new Map<string, boolean>())
  const [finding, setFinding] = useState(false)
  const [found, setFound] = useState<string>()
  const rows = useMemo(() => maker.of(messages), [maker, messages])
  const viewport = useRef<HTMLDivElement>(null)

  const following = useRef(true)
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => viewport.current,
    estimateSize: (at) => ESTIMATES[rows[at]?.kind ?? 'text'],
    getItemKey: (at) => rows[at]?.key ?? at,
    overscan: 8,
    paddingStart: 16,
    paddingEnd: 24,
    // What is read stays where it is when older rows come in front of it. The end is held by `useFollow` alone: the
    // virtualizer knows distances and no intentions.
    anchorTo: 'end',
    scrollEndThreshold: following.current ? 4 : -1,
  })
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _, { scrollOffset, itemSizeCache }) => {
    const top = scrollOffset ?? 0
    return itemSizeCache.has(item.key) ? item.end <= top : item.start < top
  }
  // Rows that were put in front are not new.
  const arrived = useArrivals(rows)
  const { intent, follow } = useFollow(viewport, arrived, virtualizer.getTotalSize())
  following.current = intent.mode === 'following'
  useImperativeHandle(ref, () => ({ follow, find: () => setFinding(true) }), [follow])

  const items = virtualizer.getVirtualItems()
  const first = items[0]?.index ?? 0
  const isNearTop = first < NEAR && (virtualizer.scrollOffset ?? 0) < TOP
  useEffect(() => {
    if (isNearTop && hasOlder && !loadingOlder && rows.length > 0) onOlder()
  }, [isNearTop, hasOlder, loadingOlder, rows.length, onOlder])

  const goTo = (at: number) => {
    setFound(rows[at]?.key)
    if (intent.mode === 'following') viewport.current?.dispatchEvent(new WheelEvent('wheel', { deltaY: -1 }))
    virtualizer.scrollToIndex(at, { align: 'center' })
  }

  return (
    <div className="transcript">
      {finding && (
        <FindBar
          rows={rows}
          onGo={goTo}
          onClose={() => {
            setFinding(false)
            setFound(undefined)
            viewport.current?.focus()
          }}
        />
      )}
      {loadingOlder && <p className="older">{t('chat.older')}</p>}
      <div className="viewport" ref={viewport} tabIndex={0} role="region" aria-label={t('chat.transcript')}>
        <OpenRows value={openRows}>
          <div className="sizer" role="feed" aria-busy={busy} style={{ height: virtualizer.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index]
              if (row === undefined) return null
              return (
                <div
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  data-kind={row.kind}
                  data-found={row.key === found}
                  className="row"
                  role="article"
                  aria-label={t(row.kind === 'user' ? 'chat.you' : 'chat.agent')}
                  aria-posinset={item.index + 1}
                  aria-setsize={hasOlder ? -1 : rows.length}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <div className="row-content">
                    <RowView row={row} />
                  </div>
                </div>
              )
            })}
          </div>
        </OpenRows>
      </div>
      {intent.mode === 'reading' && (
        <button type="button" className="jump" onClick={follow}>
          <Icon name="down" />
          {t('chat.jump')}
          {intent.fresh > 0 && <span className="jump-count">{t('chat.jumpNew', { count: intent.fresh })}</span>}
        </button>
      )}
    </div>
  )
}

/** How many rows came at the end, whatever came in front. */
function useArrivals(rows: readonly Row[]): number {
  const state = useRef({ last: '', count: 0 })
  const last = rows.at(-1)?.key ?? ''
  if (state.current.last !== last) {
    const at = rows.findLastIndex(({ key }) => key === state.current.last)
    state.current = { last, count: state.current.count + (at < 0 ? rows.length : rows.length - 1 - at) }
  }
  return state.current.count
}

/** Heights of rows that were not measured yet, in pixels. */
const ESTIMATES: Record<Row['kind'], number> = {
  attachment: 120,
  custom: 36,
  notice: 40,
  plan: 120,
  request: 88,
  run: 40,
  text: 96,
  thinking: 36,
  tool: 36,
  user: 76,
}

/** Older messages are asked for when a row before this one is in sight … */
const NEAR = 6

/** … and the top is not farther than this, in pixels. */
const TOP = 1_200
