import { useTranslation } from 'react-i18next'

import type { Agent } from '../../client'

/** The agents to choose from, with what they are good for, or why they cannot be had. */
export function AgentPicker(props: { agents: readonly Agent[]; chosen: string; onChoose: (id: string) => void }) {
  const { agents, chosen, onChoose } = props
  const { t } = useTranslation()
  if (agents.length === 0) return <p className="muted">{t('chat.noAgents')}</p>
  return (
    <fieldset className="agents">
      <legend>{t('chat.choose')}</legend>
      {agents.map((agent) => (
        <label key={agent.id} className="agent" data-chosen={agent.id === chosen}>
          <input
            type="radio"
            name="agent"
            value={agent.id}
            checked={agent.id === chosen}
            disabled={!agent.available}
            onChange={() => onChoose(agent.id)}
          />
          <span className="agent-text">
            <span className="agent-name">
              {agent.name}
              {agent.model !== null && <span className="mono muted">{agent.model}</span>}
            </span>
            {agent.description !== null && <span className="muted">{agent.description}</span>}
            {!agent.available && (
              <span className="unavailable">
                {t('chat.unavailable')}
                {agent.reason != null && `: ${agent.reason}`}
              </span>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  )
}
