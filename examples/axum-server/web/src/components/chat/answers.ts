import type { RequestOption } from '../../client'

/** An answer in the words that were chosen from, or as it is. */
export function answerText(answer: unknown, options: readonly RequestOption[] = []): string {
  const option = options.find(({ id }) => id === answer)
  if (option !== undefined) return option.label
  return typeof answer === 'string' ? answer : JSON.stringify(answer)
}
