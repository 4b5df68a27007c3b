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
    // Whether the reader's hand went down since it went up.
    let isBack = false
    const away = () => {
      isBack = false
      const canScroll = view.scrollHeight > view.clientHeight + 1
      if (canScroll) following.current = false
      input({ type: 'away', canScroll })
    }
    const move = (down: number) => {
      if (down < 0) away()
      else if (down > 0) isBack = true
    }
    let top = view.scrollTop
    let isDragging = false
    const onScroll = () => {
      if (isDragging) move(view.scrollTop - top)
      top = view.scrollTop
      const distance = view.scrollHeight - view.clientHeight - top
      input({ type: 'scrolled', distance, byReader: isBack })
    }
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey) move(event.deltaY)
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLElement && event.target.matches('input, textarea, select')) return
      if (UP.has(event.key)) away()
      else if (event.key === 'End') follow()
      else if (DOWN.has(event.key)) isBack = true
    }
    let finger = 0
    const onTouch = (event: TouchEvent) => {
      const now = event.touches[0]?.clientY ?? 0
      if (event.type === 'touchmove') move(finger - now)
      finger = now
    }
    // The scrollbar is in the view and beside its content.
    const onPointer = (event: PointerEvent) => {
      if (event.target !== view || event.offsetX < view.clientWidth) return
      isDragging = true
      away()
    }
    const onRelease = () => {
      isDragging = false
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
    view.addEventListener('touchstart', onTouch, { passive: true })
    view.addEventListener('touchmove', onTouch, { passive: true })
    view.addEventListener('keydown', onKey)
    view.addEventListener('pointerdown', onPointer)
    addEventListener('pointerup', onRelease)
    document.addEventListener('selectionchange', onSelect)
    return () => {
      sizes.disconnect()
      view.removeEventListener('scroll', onScroll)
      view.removeEventListener('wheel', onWheel)
      view.removeEventListener('touchstart', onTouch)
      view.removeEventListener('touchmove', onTouch)
      view.removeEventListener('keydown', onKey)
      view.removeEventListener('pointerdown', onPointer)
      removeEventListener('pointerup', onRelease)
      document.removeEventListener('selectionchange', onSelect)
    }
  }, [viewport, pin, follow])

  return { intent, follow }
}

const UP = new Set(['ArrowUp', 'Home', 'PageUp'])
const DOWN = new Set(['ArrowDown', 'PageDown', ' '])
