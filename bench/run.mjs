// npm run bench -- --help. Figures drift with the machine: rates are ratios within one run, times are medians. Nothing here is asserted by a test.
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readOptions } from './options.mjs'
import { intoDocument } from './output/document.mjs'
import { drawPictures } from './output/pictures.mjs'
import { describeRow, tableOf } from './output/table.mjs'
import { root } from './support/process.mjs'

const DOCUMENT = join(root, 'docs/benchmarks.md')
const PICTURES = join(root, 'docs/pictures')

const options = readOptions()
// Only an exit that is ours ends the processes that were started, and removes what they wrote.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.once(signal, () => process.exit(code))
}

const measured = async () => {
  console.log(`node ${process.version}, ${availableParallelism()} cores, load generator on the same machine\n`)
  const { quick, minutes, log } = options
  const tell = (line) => console.error(`        ${line}`)
  const rows = []
  for (const [name, run] of options.rows) {
    console.error(`${name} …`)
    for (const row of await run({ quick, minutes, log, tell })) {
      rows.push(row)
      console.log(describeRow(row))
    }
  }
  return rows
}

const rowsIn = async (file) => {
  const rows = JSON.parse(await readFile(file, 'utf8'))
  if (!Array.isArray(rows) || rows.some((row) => typeof row?.row !== 'string')) {
    throw new Error(`${file} has no rows; give what --json has written`)
  }
  return rows
}

const known = async (files) => {
  const rows = (await Promise.all(files.map(rowsIn))).flat()
  for (const row of rows) console.log(describeRow(row))
  return rows
}

try {
  const rows = options.from === undefined ? await measured() : await known(options.from)
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(rows, undefined, 2)}\n`)
  if (options.table !== undefined) await writeFile(options.table, tableOf(rows))
  if (options.pictures !== undefined) await drawPictures(rows, options.pictures)
  if (options.docs) {
    await drawPictures(rows, PICTURES)
    await intoDocument(rows, DOCUMENT)
  }
} catch (error) {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
}
process.exit()
