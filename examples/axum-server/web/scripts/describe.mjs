// The description of the API, from a server that is started for it: `node scripts/describe.mjs SERVER`.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const [, , binary] = process.argv
const server = spawn(binary, ['--listen', '127.0.0.1:0', '--store', 'memory:', '--no-token'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^listening on (\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    const response = await fetch(`${url}api/openapi.json`)
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    process.stdout.write(await response.text())
    break
  }
} finally {
  server.kill()
}
