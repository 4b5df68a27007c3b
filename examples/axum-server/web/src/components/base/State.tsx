import type { ReactNode } from 'react'

import { Icon, type IconName } from './Icon'

/** What a page shows instead of its content: that there is none, that none fits, or that it could not be had. */
export function State(props: { icon: IconName; title: string; hint?: string | undefined; children?: ReactNode; alert?: boolean }) {
  const { icon, title, hint, children, alert } = props
  return (
    <div className="state" role={alert ? 'alert' : undefined}>
      <Icon name={icon} />
      <p className="state-title">{title}</p>
      {hint !== undefined && <p className="muted">{hint}</p>}
      {children}
    </div>
  )
}
