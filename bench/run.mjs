// npm run bench -- [groups] [--quick] [--json FILE]
// Figures drift with the machine: rates are ratios within one run, times are medians. Nothing here is asserted by a test.
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { assignmentPlan, keysMoved } from './rows/assignment.mjs'
import { crash, planned } from './rows/hand-over.mjs'
import { heartbeats } from './rows/heartbeats.mjs'
import { renewals } from './rows/renewals.mjs'

const ROWS = {
  groups: { heartbeats, renewals, crash, planned, assignmentPlan, keysMoved },
}

const usage = (problem) => {
  console.error(
    `bench: ${problem}\nusage: npm run bench -- [${Object.keys(ROWS).join('|')}|ROW…] [--quick] [--json FILE]`,
  )
  process.exit(2)
}

const parse = () => {
  try {
    const options = { quick: { type: 'boolean', default: false }, json: { type: 'string' } }
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    return usage(error.message)
  }
}

const { values, positionals } = parse()
const known = Object.assign({}, ...Object.values(ROWS))
const chosen = (positionals.length > 0 ? positionals : Object.keys(ROWS)).flatMap((name) => {
  if (Object.hasOwn(ROWS, name)) return Object.values(ROWS[name])
  return known[name] ?? usage(`"${name}" is neither a set of rows nor a row (${Object.keys(known).join(', ')})`)
})

const show = (row) => {
  const others = Object.entries(row.others).map(([name, value]) => `${name} ${value}`)
  return `${row.ok ? 'ok  ' : 'MISS'}  ${row.row}\n      ours ${row.ours} ${row.unit}, floor ${row.floor ?? '–'}, ratio ${row.ratio}, target ${row.target}${others.length > 0 ? `\n      ${others.join(', ')}` : ''}`
}

console.log(`node ${process.version}, ${availableParallelism()} cores, load generator on the same machine\n`)
const rows = []
for (const run of chosen) {
  for (const row of await run({ quick: values.quick })) {
    rows.push(row)
    console.log(show(row))
  }
}
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, undefined, 2)}\n`)
