import type { Token, TokenizerAndRendererExtension, TokenizerThis } from 'marked'

/**
 * `**任务管理：**下一步`: by the letter of CommonMark the second pair of stars closes nothing, since punctuation is before
 * it and a letter after it. That rule supposes spaces between words; Chinese has none, so models write this all the
 * time. Beside CJK text, stars that enclose something without a space at its edges are emphasis.
 */
export const cjkEmphasis: TokenizerAndRendererExtension = {
  name: 'cjkEmphasis',
  level: 'inline',
  start: (source) => {
    const at = source.indexOf('*')
    return at < 0 ? undefined : at
  },
  tokenizer(this: TokenizerThis, source: string) {
    for (const [pattern, type] of PATTERNS) {
      const match = pattern.exec(source)
      const [raw, text = ''] = match ?? []
      if (raw === undefined) continue
      const next = source.slice(raw.length)
      const closesBadly = PUNCTUATION_END.test(text) && CJK_START.test(next)
      const opensBadly = PUNCTUATION_START.test(text) && CJK.test(text)
      if (!closesBadly && !opensBadly) continue
      return { type, raw, text, tokens: this.lexer.inlineTokens(text) } as Token & { type: string; raw: string }
    }
    return undefined
  },
}

const PATTERNS: ReadonlyArray<readonly [RegExp, 'strong' | 'em']> = [
  [/^\*\*(?![\s*])((?:[^*\n]|\*(?!\*))+?)(?<![\s*])\*\*(?!\*)/u, 'strong'],
  [/^\*(?![\s*])([^*\n]+?)(?<!\s)\*(?!\*)/u, 'em'],
]
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
const CJK_START = new RegExp(`^${CJK.source}`, 'u')
const PUNCTUATION_END = /[\p{P}\p{S}]$/u
const PUNCTUATION_START = /^[\p{P}\p{S}]/u
