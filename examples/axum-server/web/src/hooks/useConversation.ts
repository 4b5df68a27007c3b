import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'

import { Conversation, isSettled, type ConversationView } from '../client'
import { useReturn, useVisible } from './browser'
import { useServices } from './services'

/** The conversation of a task, from when this is shown until it is not. */
export function useConversation(task: string): { conversation: Conversation; view: ConversationView } {
  const { api, slots } = useServices()
  const make = () => new Conversation({ api, slots, task, schedule: eachFrame })
  const [state, setState] = useState(() => ({ task, conversation: make() }))
  let { conversation } = state
  if (state.task !== task) {
    conversation = make()
    setState({ task, conversation })
  }
  useEffect(() => conversation.open(), [conversation])
  const view = useSyncExternalStore(conversation.subscribe, conversation.view)

  useReturn(useCallback(() => conversation.wake(), [conversation]))

  // Nothing tells a page that its settled task was resumed elsewhere.
  const visible = useVisible()
  const isIdle = view.task !== undefined && isSettled(view.task.status) && view.connection.kind === 'idle'
  useEffect(() => {
    if (!visible || !isIdle) return
    const timer = setInterval(() => void conversation.refresh(), 5_000)
    return () => clearInterval(timer)
  }, [conversation, visible, isIdle])
  return { conversation, view }
}

/** A tab that is not looked at has no frames, and its title must tell of the end all the same. */
function eachFrame(flush: () => void): void {
  if (document.visibilityState === 'visible') requestAnimationFrame(flush)
  else setTimeout(flush, 500)
}
