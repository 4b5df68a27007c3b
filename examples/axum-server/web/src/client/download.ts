import type { TaskApi } from './api'
import type { Block, Task, TranscriptMessage } from './schema'

/** Saves the whole conversation of a task as a Markdown file. */
export async function downloadTranscript(api: TaskApi, task: Task): Promise<void> {
  const pages: TranscriptMessage[][] = []
  let before: number | undefined
  for (;;) {
    const page = await api.messages(task.id, PAGE, before)
    pages.unshift(page.messages)
    before = page.messages[0]?.seq
    if (!page.has_more || before === undefined) break
  }
  const text = `# ${task.title}\n\n${pages.flat().map(asMarkdown).join('\n')}`
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }))
  link.download = `task-${task.id}.md`
  link.click()
  URL.revokeObjectURL(link.href)
}

/** A message as Markdown. */
export function asMarkdown(message: TranscriptMessage): string {
  return `## ${message.role} · ${message.at}\n\n${message.content.map(blockAsMarkdown).join('\n\n')}\n`
}

function blockAsMarkdown(block: Block): string {
  switch (block.type) {
    case 'text':
      return block.text
    case 'thinking':
      return quote(block.text)
    case 'tool':
      return `**${block.name}** ${block.title} (${block.status})\n\n${fence(block.output)}`
    case 'plan':
      return block.entries.map((entry) => `- [${entry.status === 'completed' ? 'x' : ' '}] ${entry.text}`).join('\n')
    case 'request':
      return `${quote(block.prompt)}\n\n${block.answer === undefined ? '' : JSON.stringify(block.answer)}`
    case 'notice':
      return `_${block.text}_`
    case 'custom':
      return `\`${block.name}\` ${JSON.stringify(block.data)}`
    case 'image':
      return `(${block.media_type})`
    case 'resource':
      return block.uri
  }
}

function quote(text: string): string {
  return text.replace(/^/gm, '> ')
}

/** A fence that the text does not close. */
function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const marks = '`'.repeat(longest + 1)
  return `${marks}\n${text}\n${marks}`
}

const PAGE = 200
