// Reads `cargo metadata` and fails when a crate that is linked with a library has a licence that cannot be had on terms
// as free as ours, or none.
import { readFileSync } from 'node:fs'

const FREE = new Set([
  '0BSD',
  'Apache-2.0',
  'Apache-2.0 WITH LLVM-exception',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BSL-1.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unicode-3.0',
  'Unlicense',
  'Zlib',
])

/** Whether one of the alternatives is free in all its parts. `A/B` is an old way to write `A OR B`. */
function isFree(expression) {
  const alternatives = expression.replaceAll('/', ' OR ').replaceAll(/[()]/g, ' ').split(/\sOR\s/)
  // Parentheses are only ever around alternatives here: every part of a conjunction has to hold one that is free.
  if (/\)\s*AND|AND\s*\(/.test(expression)) return expression.split(/\sAND\s/).every((part) => isFree(part))
  return alternatives.some((alternative) => alternative.split(/\sAND\s/).every((part) => FREE.has(part.trim())))
}

const { packages, resolve, workspace_members: members } = JSON.parse(readFileSync(0, 'utf8'))
const byId = new Map(packages.map((found) => [found.id, found]))
const nodes = new Map(resolve.nodes.map((node) => [node.id, node]))
const libraries = members.filter((id) => byId.get(id).publish === null)

const linked = new Set()
const queue = [...libraries]
while (queue.length > 0) {
  const id = queue.pop()
  if (linked.has(id)) continue
  linked.add(id)
  // A `null` kind is a normal dependency; those of tests are not linked.
  for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind !== 'dev')) queue.push(pkg)
}

const refused = [...linked].map((id) => byId.get(id)).filter(({ license }) => license === null || !isFree(license))
for (const { name, version, license } of refused) console.error(`${name} ${version}: ${license ?? 'no licence'}`)
console.log(`licences: ${linked.size} crates are linked with ${libraries.length} libraries, ${refused.length} refused`)
process.exit(refused.length === 0 && libraries.length > 0 ? 0 : 1)
