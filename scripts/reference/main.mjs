// npm run reference: writes docs/reference/ from the doc comments. With --check it writes nothing, and says what is out of date.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOptions } from '../options.mjs'
import { commentFaults } from './comments.mjs'
import { readModel } from './model.mjs'
import { pagesOf } from './pages.mjs'

const USAGE = `npm run reference -- [--check]
  --check   write nothing; exit 1 when a page is not what the doc comments give, or a comment is missing`

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'docs', 'reference')
const { check = false } = readOptions({ check: { type: 'boolean' } }, USAGE)

const model = readModel(root)
const pages = pagesOf(model)
const textOf = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined)
const old = existsSync(folder) ? readdirSync(folder).filter((name) => !pages.has(name)) : []
const changed = [...pages].filter(([name, text]) => textOf(name) !== text).map(([name]) => name)
const faults = commentFaults(model)

for (const fault of faults) console.error(fault)
if (check) {
  for (const name of [...changed, ...old]) console.error(`docs/reference/${name} is out of date: npm run reference`)
} else {
  mkdirSync(folder, { recursive: true })
  for (const name of changed) writeFileSync(join(folder, name), pages.get(name))
  for (const name of old) rmSync(join(folder, name))
  console.log(`docs/reference: ${pages.size} pages, ${changed.length + old.length} changed`)
}
if (faults.length > 0 || (check && changed.length + old.length > 0)) process.exitCode = 1
