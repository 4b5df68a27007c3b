/**
 * Whether the reader wants the newest row. That is an intention, not a distance: whoever turns the wheel up by a notch
 * while text streams in has left, and is not dragged back; whoever is at the end because it is short has not.
 */
export interface ScrollIntent {
  mode: 'following' | 'reading'
  /** Rows that came since the reader left. */
  fresh: number
}

export type ScrollInput =
  /** The wheel, a finger, a key or the scrollbar goes up, or text is selected. */
  | { type: 'away'; canScroll: boolean }
  /**
   * The view was scrolled; `distance` is to the end, in pixels. `byReader`: downwards, and by the reader's hand. What
   * the page did itself is told by the browser a moment later, when the reader may have left already.
   */
  | { type: 'scrolled'; distance: number; byReader: boolean }
  /** The button, the End key, or a message that was sent. */
  | { type: 'return' }
  | { type: 'appended'; rows: number }

export const FOLLOWING: ScrollIntent = { mode: 'following', fresh: 0 }

export function scrollIntent(intent: ScrollIntent, input: ScrollInput): ScrollIntent {
  switch (input.type) {
    case 'away':
      return intent.mode === 'following' && input.canScroll ? { mode: 'reading', fresh: 0 } : intent
    case 'scrolled':
      return intent.mode === 'reading' && input.byReader && input.distance <= AT_END ? FOLLOWING : intent
    case 'return':
      return intent.mode === 'reading' ? FOLLOWING : intent
    case 'appended':
      return intent.mode === 'reading' && input.rows > 0 ? { ...intent, fresh: intent.fresh + input.rows } : intent
  }
}

/** Pixels from the end that count as the end: browsers round. */
const AT_END = 4
