// Types from the description of the API that a server gives: `node scripts/types.mjs [--check] DESCRIPTION.json`.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const check = process.argv.includes('--check')
const source = process.argv.slice(2).find((argument) => !argument.startsWith('--'))
const target = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src/client/schema.ts')
if (source === undefined) throw new Error('usage: types.mjs [--check] DESCRIPTION.json')
const { schemas } = JSON.parse(readFileSync(source, 'utf8')).components

const comment = (schema, indent) =>
  schema.description ? `${indent}/** ${schema.description.replaceAll('\n', ' ').replaceAll('*/', '* /')} */\n` : ''

function type(schema, indent) {
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.enum) return schema.enum.map((value) => `'${value}'`).join(' | ')
  if (schema.oneOf) return schema.oneOf.map((one) => type(one, indent)).join(' | ')
  if (schema.allOf) return schema.allOf.map((one) => type(one, indent)).join(' & ')
  const types = [schema.type].flat()
  return types.map((name) => primitive(name, schema, indent)).join(' | ')
}

function primitive(name, schema, indent) {
  switch (name) {
    case 'array': {
      const items = type(schema.items, indent)
      return items.includes('|') || items.includes('{') ? `Array<${items}>` : `${items}[]`
    }
    case 'boolean':
    case 'null':
    case 'string':
      return name
    case 'integer':
    case 'number':
      return 'number'
    case 'object':
      return schema.properties ? members(schema, indent) : 'Record<string, unknown>'
    case undefined:
      return 'unknown'
    default:
      throw new Error(`no type for ${name}`)
  }
}

function members(schema, indent) {
  const inner = `${indent}  `
  const lines = Object.entries(schema.properties).map(([name, member]) => {
    const optional = schema.required?.includes(name) ? '' : '?'
    const loose = optional === '' ? '' : ' | undefined'
    return `${comment(member, inner)}${inner}${name}${optional}: ${type(member, inner)}${loose}\n`
  })
  return `{\n${lines.join('')}${indent}}`
}

const parts = Object.entries(schemas)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, schema]) => `${comment(schema, '')}export type ${name} = ${type(schema, '')}\n`)
const text = `// Written by scripts/types.mjs from the OpenAPI description of the server.\n\n${parts.join('\n')}`

if (!check) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/client/schema.ts is not what the API says: run `npm run types -- DESCRIPTION.json`')
  process.exit(1)
}
