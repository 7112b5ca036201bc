const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 })

/** A number as people read it, with thin spaces in its thousands. */
export const figure = (value) => {
  if (value === null || value === undefined) return '–'
  return typeof value === 'number' ? COUNT.format(value).replaceAll(',', '\u202f') : String(value)
}

const OWN_CHAPTERS = ['dispatch', 'cluster', 'backends', 'page']

/** Which chapter of the document, with pictures of its own, a row belongs to: what its name begins with, or else `groups`. */
export const chapterOf = ({ row }) => OWN_CHAPTERS.find((chapter) => row.startsWith(chapter)) ?? 'groups'

/** `null` is for rows that could not be compared: what they are compared with is not there. */
const VERDICTS = new Map([
  [true, 'ok  '],
  [false, 'MISS'],
  [null, '–   '],
])

const listed = (values) =>
  Object.entries(values ?? {})
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ')

/** One row for a terminal. */
export const describeRow = ({ row, ours, floor, others, ratio, target, ok, unit, details }) => {
  const first = `${VERDICTS.get(ok)}  ${row}`
  const second = `ours ${figure(ours)} ${unit}, floor ${figure(floor)}, ratio ${figure(ratio)}, target ${target}`
  return [first, second, listed(others), listed(details)].filter((line) => line !== '').join('\n      ')
}

const cell = (text) => text.replaceAll('|', '\\|')

/** All rows as two tables in Markdown: what was to be reached, and what was measured besides. */
export const tableOf = (rows) => {
  const result = rows.map(({ row, ours, floor, others, ratio, target, ok, unit }) =>
    [
      row,
      `**${figure(ours)}** ${unit}`,
      figure(floor),
      figure(ratio),
      `${target}${ok === false ? ' **missed**' : ''}`,
      listed(others) || '–',
    ].map(cell),
  )
  const besides = rows
    .filter(({ details }) => details !== undefined)
    .map(({ row, details }) => [row, listed(details)].map(cell))
  const lines = (cells) => cells.map((each) => `| ${each.join(' | ')} |`)
  return [
    '| | ours | floor | ratio | must reach | others |',
    '|--|--:|--:|--:|--|--|',
    ...lines(result),
    '',
    '| | besides |',
    '|--|--|',
    ...lines(besides),
    '',
  ].join('\n')
}
