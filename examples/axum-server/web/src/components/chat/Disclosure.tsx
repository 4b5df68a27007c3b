import { createContext, use, useState, type ReactNode } from 'react'

/** What was opened and closed by hand. Rows that leave the screen are taken down and forget it otherwise. */
export const OpenRows = createContext<Map<string, boolean>>(new Map())

/** A line that opens. `byDefault` holds until somebody decides otherwise. */
export function Disclosure(props: {
  name: string
  byDefault?: boolean
  summary: ReactNode
  className?: string
  children: () => ReactNode
}) {
  const { name, byDefault = false, summary, className, children } = props
  const rows = use(OpenRows)
  const [chosen, setChosen] = useState(() => rows.get(name))
  const isOpen = chosen ?? byDefault
  return (
    <div className={className} data-open={isOpen}>
      <button
        type="button"
        className="disclosure"
        aria-expanded={isOpen}
        onClick={() => {
          rows.set(name, !isOpen)
          setChosen(!isOpen)
        }}
      >
        <span className="chevron" aria-hidden="true" />
        {summary}
      </button>
      {isOpen && <div className="disclosed">{children()}</div>}
    </div>
  )
}
