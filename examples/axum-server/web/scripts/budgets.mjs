// What the page weighs, and how much it may.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist')
const files = Object.fromEntries(readdirSync(dist).map((name) => [name, readFileSync(join(dist, name))]))
const packed = (...names) => names.reduce((sum, name) => sum + gzipSync(files[name]).length, 0)
const raw = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0)

const budgets = [
  ['tasks page, JavaScript', packed('app.js', 'theme.js'), 130_000],
  ['chat page, JavaScript besides', packed('ChatPage.js'), 45_000],
  ['Chinese', packed('zh.js'), 6_000],
  ['styles', packed('style.css'), 12_000],
  ['everything, not compressed', raw, 900_000],
]
let failed = false
for (const [name, bytes, limit] of budgets) {
  console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB, at most ${limit / 1000}`)
  failed ||= bytes > limit
}
process.exit(failed ? 1 : 0)
