import type { Token, Tokens } from 'marked'
import { Fragment, memo, useMemo, type ReactNode } from 'react'

import { CodeBlock } from './CodeBlock'
import { lex } from './lex'
import { safeLink } from './links'

/** Markdown as React elements. Whatever an agent writes, nothing of it becomes HTML. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => lex(text), [text])
  return <div className="markdown">{tokens.map((token, at) => block(token, at))}</div>
})

function block(token: Token, key: number): ReactNode {
  switch (token.type) {
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading
      // The page has the only heading of the first rank.
      const Heading = `h${Math.min(depth + 1, 6)}` as 'h2'
      return <Heading key={key}>{inline(tokens)}</Heading>
    }
    case 'paragraph':
      return <p key={key}>{inline((token as Tokens.Paragraph).tokens)}</p>
    case 'text': {
      const { tokens, text } = token as Tokens.Text
      return <Fragment key={key}>{tokens ? inline(tokens) : entities(text)}</Fragment>
    }
    case 'code':
      return <CodeBlock key={key} text={(token as Tokens.Code).text} language={(token as Tokens.Code).lang ?? ''} />
    case 'blockquote':
      return <blockquote key={key}>{((token as Tokens.Blockquote).tokens ?? []).map(block)}</blockquote>
    case 'list':
      return list(token as Tokens.List, key)
    case 'table':
      return table(token as Tokens.Table, key)
    case 'hr':
      return <hr key={key} />
    case 'html':
      return <p key={key}>{(token as Tokens.HTML).text}</p>
    case 'space':
    case 'def':
      return null
    default:
      return <p key={key}>{token.raw}</p>
  }
}

function list({ ordered, start, items }: Tokens.List, key: number): ReactNode {
  const children = items.map((item, at) => (
    <li key={at} className={item.task ? 'task-item' : undefined}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} disabled aria-label={item.text} />}
      {item.tokens.filter((token) => token.type !== 'checkbox').map(block)}
    </li>
  ))
  if (!ordered) return <ul key={key}>{children}</ul>
  return (
    <ol key={key} start={start === '' ? 1 : start}>
      {children}
    </ol>
  )
}

function table({ header, rows }: Tokens.Table, key: number): ReactNode {
  return (
    <div key={key} className="scroll-x" tabIndex={0} role="group">
      <table>
        <thead>
          <tr>
            {header.map((cell, at) => (
              <th key={at} scope="col" data-align={cell.align ?? undefined}>
                {inline(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={n}>
              {row.map((cell, at) => (
                <td key={at} data-align={cell.align ?? undefined}>
                  {inline(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function inline(tokens: Token[] | undefined): ReactNode {
  return (tokens ?? []).map((token, key) => {
    switch (token.type) {
      case 'strong':
        return <strong key={key}>{inline((token as Tokens.Strong).tokens)}</strong>
      case 'em':
        return <em key={key}>{inline((token as Tokens.Em).tokens)}</em>
      case 'del':
        return <del key={key}>{inline((token as Tokens.Del).tokens)}</del>
      case 'codespan':
        return <code key={key}>{(token as Tokens.Codespan).text}</code>
      case 'br':
        return <br key={key} />
      case 'escape':
        return <Fragment key={key}>{(token as Tokens.Escape).text}</Fragment>
      case 'link':
        return link(token as Tokens.Link, key)
      case 'image': {
        // A picture from elsewhere would tell whoever serves it that it was looked at.
        const { href, text } = token as Tokens.Image
        return link({ href, tokens: [{ type: 'text', raw: text, text: text || href }] }, key)
      }
      case 'text': {
        const { tokens: inner, text } = token as Tokens.Text
        return <Fragment key={key}>{inner ? inline(inner) : entities(text)}</Fragment>
      }
      default:
        return <Fragment key={key}>{token.raw}</Fragment>
    }
  })
}

function link({ href, tokens }: Pick<Tokens.Link, 'href' | 'tokens'>, key: number): ReactNode {
  const address = safeLink(href)
  if (address === undefined) return <Fragment key={key}>{inline(tokens)}</Fragment>
  return (
    <a key={key} href={address} target="_blank" rel="noopener noreferrer">
      {inline(tokens)}
    </a>
  )
}

/** The few entities that models write; the lexer leaves them to whoever makes HTML. */
function entities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => ENTITIES[name] ?? '')
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' }
