import type { ReactNode } from 'react'

/** A picture beside words, or in a button that has a name: it says nothing by itself. */
export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg className={`icon ${className ?? ''}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {SHAPES[name]}
    </svg>
  )
}

export type IconName = keyof typeof SHAPES

const SHAPES = {
  alert: <path d="M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1" />,
  back: <path d="M9.5 3.5 5 8l4.5 4.5" />,
  chat: <path d="M2.5 3.5h11v7.5h-6L4.5 13.5V11h-2z" />,
  check: <path d="M3 8.5 6.5 12 13 4.5" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 5v3.2l2.2 1.3" />
    </>
  ),
  cross: <path d="m4 4 8 8M12 4l-8 8" />,
  down: <path d="M8 3v9.5M4 9l4 4 4-4" />,
  menu: <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2.5" />,
  plus: <path d="M8 3v10M3 8h10" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.2" />
      <path d="m10.2 10.2 3.3 3.3" />
    </>
  ),
  slash: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="m4.2 11.8 7.6-7.6" />
    </>
  ),
  spinner: <path d="M8 2.5A5.5 5.5 0 1 1 2.5 8" />,
  stop: <rect x="4" y="4" width="8" height="8" rx="1" />,
  tasks: <path d="M2.5 4h1.6M2.5 8h1.6M2.5 12h1.6M6.5 4h7M6.5 8h7M6.5 12h7" />,
  trash: <path d="M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4" />,
} satisfies Record<string, ReactNode>
