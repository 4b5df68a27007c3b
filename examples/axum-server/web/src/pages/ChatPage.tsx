import { TaskChat } from './TaskChat'
import { NewChat } from './NewChat'

/** `/chat`: a new task, of a chosen agent perhaps; `/chat?taskId=`: a task there is. */
export function ChatPage({ search }: { search: URLSearchParams }) {
  const task = search.get('taskId')
  if (task !== null && task !== '') return <TaskChat key={task} id={task} />
  return <NewChat agentId={search.get('agentId') ?? ''} />
}
