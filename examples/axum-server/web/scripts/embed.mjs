// Writes the list of the built files for the server, so that `cargo build` needs neither Node nor a build script:
// `node scripts/embed.mjs [DIST [LIST.rs]]`.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const web = dirname(dirname(fileURLToPath(import.meta.url)))
const [, , dist = join(web, 'dist'), target = join(web, '../src/page/assets.rs')] = process.argv
const names = readdirSync(dist).sort()

const digest = createHash('sha256')
for (const name of names) {
  const bytes = readFileSync(join(dist, name))
  digest.update(`${name}\0${bytes.length}\0`).update(bytes)
}

const include = (name, kind) => `include_${kind}!("../../web/dist/${name}")`
const files = names.filter((name) => name !== 'index.html')
const lines = files.map((name) => `    ("${name}", ${include(name, 'bytes')}),\n`)
const list = `//! The files of the built page. Written by \`npm run build\` in \`web/\`.

/// What the files come to: the version in their addresses.
pub(super) const DIGEST: &str = "${digest.digest('hex').slice(0, 16)}";

/// The page itself.
pub(super) const INDEX: &str = ${include('index.html', 'str')};

/// Everything it loads, by name.
pub(super) const FILES: &[(&str, &[u8])] = &[
${lines.join('')}];
`
writeFileSync(target, list)
