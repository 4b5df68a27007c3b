// The dictionaries: both have the same keys, each key is used, and no words are in the components themselves.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { parseSync } from 'vite'

const web = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(web, 'src')
const faults = []
/** Attributes that people read. */
const WORDED = new Set(['alt', 'aria-label', 'label', 'placeholder', 'title'])

const flat = (value, path = '') =>
  typeof value === 'string' ? [path] : Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key))
// Languages have different numbers of plural forms.
const singular = (key) => key.replace(/_(one|other)$/, '')
const read = (name) => new Set(flat(JSON.parse(readFileSync(join(source, 'i18n', name), 'utf8'))).map(singular))
const [en, zh] = [read('en.json'), read('zh.json')]
for (const key of en) if (!zh.has(key)) faults.push(`zh.json lacks ${key}`)
for (const key of zh) if (!en.has(key)) faults.push(`en.json lacks ${key}`)

const used = new Set()
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !/\.(test|d)\.tsx?$/.test(name))
  .map((name) => join(source, name))
for (const file of files) visit(parseSync(file, readFileSync(file, 'utf8')).program, file)
for (const key of en) if (!used.has(key)) faults.push(`nobody uses ${key}`)

if (faults.length > 0) {
  console.error(faults.join('\n'))
  process.exit(1)
}
console.log(`${en.size} keys in two languages, all of them used; no words in ${files.length} files`)

function visit(node, file) {
  if (Array.isArray(node)) return node.forEach((one) => visit(one, file))
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return
  switch (node.type) {
    case 'Literal':
      if (typeof node.value === 'string') use(node.value)
      break
    case 'TemplateLiteral': {
      // `tasks.status.${status}` stands for all keys of that form.
      const pattern = node.quasis.map((quasi) => quasi.value.cooked.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^.]+')
      if (node.quasis[0].value.cooked.includes('.')) for (const key of en) if (new RegExp(`^${pattern}$`).test(key)) used.add(key)
      break
    }
    case 'JSXText':
      if (/\p{L}/u.test(node.value)) fault(file, node.value)
      break
    case 'JSXExpressionContainer':
      if (node.expression.type === 'Literal' && /\p{L}/u.test(String(node.expression.value))) fault(file, node.expression.value)
      break
    case 'JSXAttribute':
      if (WORDED.has(node.name.name) && node.value?.type === 'Literal' && /\p{L}/u.test(node.value.value)) fault(file, node.value.value)
      break
  }
  for (const value of Object.values(node)) visit(value, file)
}

function use(text) {
  if (en.has(text)) used.add(text)
}

function fault(file, words) {
  faults.push(`${relative(web, file)} has words of its own: ${String(words).trim()}`)
}
