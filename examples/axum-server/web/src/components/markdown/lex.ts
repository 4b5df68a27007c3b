import { Lexer, getDefaults, type MarkedOptions, type Token } from 'marked'

import { cjkEmphasis } from './emphasis'

/**
 * The tokens of a Markdown text. Only the lexer of marked is used: tokens become React elements, so there is no HTML
 * to sanitise, and HTML in the text stays text.
 */
export function lex(text: string): Token[] {
  return new Lexer(OPTIONS).lex(text)
}

const { tokenizer, start } = cjkEmphasis as {
  tokenizer: NonNullable<NonNullable<MarkedOptions['extensions']>['inline']>[number]
  start: NonNullable<NonNullable<MarkedOptions['extensions']>['startInline']>[number]
}

const OPTIONS: MarkedOptions = {
  ...getDefaults(),
  gfm: true,
  extensions: { inline: [tokenizer], startInline: [start], renderers: {}, childTokens: {} },
}
