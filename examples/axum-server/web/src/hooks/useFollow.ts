import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, type RefObject } from 'react'

import { FOLLOWING, scrollIntent, type ScrollIntent } from './scrollIntent'

/**
 * Keeps the end of a scrolled view in sight as long as the reader wants it there. `rows` counts what is in it; `layout`
 * changes whenever its height may have.
 */
export function useFollow(
  viewport: RefObject<HTMLElement | null>,
  rows: number,
  layout: unknown,
): { intent: ScrollIntent; follow: () => void } {
  const [intent, input] = useReducer(scrollIntent, FOLLOWING)
  const following = useRef(true)
  following.current = intent.mode === 'following'

  const pin = useCallback(() => {
    const view = viewport.current
    if (view !== null && following.current) view.scrollTop = view.scrollHeight
  }, [viewport])

  const follow = useCallback(() => {
    following.current = true
    input({ type: 'return' })
    pin()
  }, [pin])

  useLayoutEffect(pin, [pin, rows, layout, intent.mode])

  const counted = useRef(rows)
  useEffect(() => {
    input({ type: 'appended', rows: rows - counted.current })
    counted.current = rows
  }, [rows])

  useEffect(() => {
    const view = viewport.current
    if (view === null) return
    const away = () => {
      const canScroll = view.scrollHeight > view.clientHeight + 1
      if (canScroll) following.current = false
      input({ type: 'away', canScroll })
    }
    let top = view.scrollTop
    const onScroll = () => {
      const down = view.scrollTop > top
      top = view.scrollTop
      input({ type: 'scrolled', distance: view.scrollHeight - view.clientHeight - top, down })
    }
    const onWheel = (event: WheelEvent) => {
      if (event.deltaY < 0 && !event.ctrlKey) away()
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLElement && event.target.matches('input, textarea, select')) return
      if (AWAY.has(event.key)) away()
      else if (event.key === 'End') follow()
    }
    // The scrollbar is in the view and beside its content.
    const onPointer = (event: PointerEvent) => {
      if (event.target === view && event.offsetX >= view.clientWidth) away()
    }
    const onSelect = () => {
      const selection = document.getSelection()
      if (selection !== null && !selection.isCollapsed && view.contains(selection.anchorNode)) away()
    }
    const sizes = new ResizeObserver(pin)
    sizes.observe(view)
    for (const child of view.children) sizes.observe(child)
    view.addEventListener('scroll', onScroll, { passive: true })
    view.addEventListener('wheel', onWheel, { passive: true })
    view.addEventListener('touchmove', away, { passive: true })
    view.addEventListener('keydown', onKey)
    view.addEventListener('pointerdown', onPointer)
    document.addEventListener('selectionchange', onSelect)
    return () => {
      sizes.disconnect()
      view.removeEventListener('scroll', onScroll)
      view.removeEventListener('wheel', onWheel)
      view.removeEventListener('touchmove', away)
      view.removeEventListener('keydown', onKey)
      view.removeEventListener('pointerdown', onPointer)
      document.removeEventListener('selectionchange', onSelect)
    }
  }, [viewport, pin, follow])

  return { intent, follow }
}

const AWAY = new Set(['ArrowUp', 'Home', 'PageUp'])
