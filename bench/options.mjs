import { parseArgs } from 'node:util'
import { DEFAULT_SET, ROWS, SETS } from './sets.mjs'

const setsOf = () =>
  Object.entries(SETS).map(([name, rows]) =>
    Object.keys(rows).join() === name ? `  ${name}` : `  ${name}: ${Object.keys(rows).join(', ')}`,
  )

const USAGE = `Usage: npm run bench -- [SET | ROW]… [options]

Sets and their rows (default: ${DEFAULT_SET}):
${setsOf().join('\n')}

Options:
  --quick           a short look at each row: for trying it out, not for figures
  --minutes N       how long the row "memory" goes on (default: 60)
  --log FILE        where the row "memory" writes each sample, a line of JSON each
  --json FILE       writes the rows: [{ row, ours, floor, others, ratio, target, ok, unit, details, series? }]
  --table FILE      writes the table (Markdown)
  --pictures DIR    draws the pictures (SVG)
  --docs            table and pictures into docs/
  --from FILE       measures nothing, and takes the rows of an earlier --json; it may be given several times
  -h, --help        this

Rates are ratios within one run; figures of two runs, or two machines, are not to be compared. Exit code 0 says that everything was measured,
not that every target was reached; 1: something could not be measured, 2: wrong usage, 130: interrupted.`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  minutes: { type: 'string' },
  log: { type: 'string' },
  json: { type: 'string' },
  table: { type: 'string' },
  pictures: { type: 'string' },
  docs: { type: 'boolean', default: false },
  from: { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h', default: false },
}

const refuse = (problem) => {
  console.error(`bench: ${problem}\n\n${USAGE}`)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS })
  } catch (error) {
    return refuse(error.message)
  }
}

const rowsOf = (name) => {
  if (Object.hasOwn(SETS, name)) return Object.entries(SETS[name])
  if (Object.hasOwn(ROWS, name)) return [[name, ROWS[name]]]
  return refuse(`"${name}" is neither a set of rows nor a row`)
}

/** What was asked for on the command line. Wrong usage ends the process with 2. */
export const readOptions = () => {
  const { values, positionals } = parse()
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  if (minutes !== undefined && !(minutes > 0 && minutes <= 10_000)) {
    refuse(`--minutes takes a number above 0 and up to 10000, not "${values.minutes}"`)
  }
  if (values.from !== undefined && positionals.length > 0)
    refuse('--from measures nothing; leave the names of rows out')
  const rows = new Map((positionals.length > 0 ? positionals : [DEFAULT_SET]).flatMap(rowsOf))
  if ((minutes !== undefined || values.log !== undefined) && !rows.has('memory')) {
    refuse('--minutes and --log are for the row "memory"; name it')
  }
  return { ...values, minutes, rows }
}
