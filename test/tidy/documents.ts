import { posix } from 'node:path'
import { type Files, isNode, lineAt, type Node, parse, type Violation, walk } from './source.ts'

interface Row {
  readonly line: number
  readonly cells: readonly string[]
}

/** The rows of the Markdown tables in `text` whose first cell is a `name` in backticks. */
export const tableRows = (text: string): Map<string, Row> => {
  const rows = new Map<string, Row>()
  for (const [index, line] of text.split('\n').entries()) {
    const name = /^\|\s*`([^`]+)`\s*\|/.exec(line)?.[1]
    if (name !== undefined)
      rows.set(name, {
        line: index + 1,
        cells: line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      })
  }
  return rows
}

type Codes = Readonly<
  Record<string, { readonly status: number; readonly retriable: boolean; readonly definite: boolean }>
>

const yesNo = (value: boolean): string => (value ? 'yes' : 'no')

/** The table `code | status | retriable | definite | when | what to do` says what the table in the code says. */
export const checkErrorTable = (codes: Codes, text: string, file = 'docs/errors.md'): Violation[] => {
  const rows = tableRows(text)
  const violations: Violation[] = []
  for (const [code, { status, retriable, definite }] of Object.entries(codes)) {
    const row = rows.get(code)
    if (row === undefined) {
      violations.push({ file, line: 1, rule: `${code} is not documented` })
      continue
    }
    const [, ...said] = row.cells
    const meant = [String(status), yesNo(retriable), yesNo(definite)]
    for (const [index, what] of ['status', 'retriable', 'definite'].entries()) {
      if (said[index] === meant[index]) continue
      violations.push({
        file,
        line: row.line,
        rule: `${code}: ${what} is ${meant[index]} in the code, not ${said[index]}`,
      })
    }
    for (const [index, what] of [
      [3, 'when'],
      [4, 'what to do'],
    ] as const) {
      if ((said[index] ?? '') === '') violations.push({ file, line: row.line, rule: `${code} does not say ${what}` })
    }
  }
  for (const [name, { line }] of rows) {
    if (!Object.hasOwn(codes, name)) violations.push({ file, line, rule: `${name} is no error code` })
  }
  return violations
}

/** Words that look like error codes and are none: what a shell sets or a child process sees. */
const ENVIRONMENT = new Set(
  'SERVER ETCD ETCD_PREFIX ETCD_USER ETCD_PASSWORD_FILE NATS NATS_PREFIX NATS_CREDENTIALS TOKEN_FILE TOKEN INDEX TOTAL EPOCH PARTITIONS TOPIC FROM WITHIN_MS REQUIRE_ALL'
    .split(' ')
    .map((name) => `CAUCUS_${name}`),
)

/** Every CAUCUS_… in a document is an error code or a known variable of the environment. */
export const checkMentionedCodes = (codes: Codes, documents: Files): Violation[] =>
  [...documents].flatMap(([file, text]) =>
    [...text.matchAll(/\bCAUCUS_[A-Z_]*[A-Z]\b/g)]
      .filter(([name]) => !Object.hasOwn(codes, name) && !ENVIRONMENT.has(name))
      .map(({ 0: name, index }) => ({ file, line: lineAt(text, index), rule: `${name} is no error code` })),
  )

const EVENT_FORM = /^[a-z]+\.[a-z][A-Za-z]*$/
/** Regular past tenses, the irregular ones in use, and `settling`, which names the state that a group has just entered. */
const PAST_TENSE = /(ed|lost|left|sent|begun|frozen|kept|withdrawn|settling)$/

const isEventDeclaration = (ancestors: readonly Node[]): boolean =>
  ancestors.some(({ type, id }) => {
    const named = type === 'VariableDeclarator' || type === 'TSTypeAliasDeclaration'
    return named && isNode(id) && /event/i.test(String(id.name))
  })

/**
 * The event names in the code: every string of the form `subject.pastTense`, wherever it stands, and every
 * `word.word` in a declaration whose name has "event" in it, so that one in another tense cannot hide.
 */
export const eventsIn = (files: Files): Map<string, { file: string; line: number; pastTense: boolean }> => {
  const events = new Map<string, { file: string; line: number; pastTense: boolean }>()
  for (const [file, text] of files) {
    walk(parse(file, text), (node, ancestors) => {
      if (node.type !== 'Literal' || typeof node.value !== 'string' || !EVENT_FORM.test(node.value)) return
      const pastTense = PAST_TENSE.test(node.value)
      if (!pastTense && !isEventDeclaration(ancestors)) return
      if (!events.has(node.value)) events.set(node.value, { file, line: lineAt(text, node.start), pastTense })
    })
  }
  return events
}

/** The events in the code are spelled `subject.pastTense` and are the ones in the tables of docs/events.md. */
export const checkEvents = (files: Files, text: string, file = 'docs/events.md'): Violation[] => {
  const events = eventsIn(files)
  const rows = tableRows(text)
  return [
    ...[...events].flatMap(([name, { pastTense, ...place }]) => [
      ...(pastTense ? [] : [{ ...place, rule: `the event ${name} is not spelled subject.pastTense` }]),
      ...(rows.has(name) ? [] : [{ ...place, rule: `the event ${name} is not documented in ${file}` }]),
    ]),
    ...[...rows]
      .filter(([name]) => EVENT_FORM.test(name) && !events.has(name))
      .map(([name, { line }]) => ({ file, line, rule: `no code emits ${name}` })),
  ]
}

/** The anchors of a page, as GitHub makes them of its headings, and those that it sets itself. */
const anchorsOf = (text: string): Set<string> => {
  const seen = new Map<string, number>()
  const prose = text.replaceAll(/^```.*?^```/gms, '')
  const headings = [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    return times === 0 ? slug : `${slug}-${times}`
  })
  return new Set([...headings, ...[...prose.matchAll(/<a (?:name|id)="([^"]+)"/g)].map(([, name = '']) => name)])
}

/** Relative links of the documents lead to files that exist, and to headings that are there. */
export const checkLinks = (documents: Files, exists: (path: string) => boolean): Violation[] =>
  [...documents].flatMap(([file, text]) =>
    [...text.replaceAll(/^```.*?^```/gms, (code) => code.replaceAll(/[^\n]/g, ' ')).matchAll(LINK)]
      .map(({ 1: link = '', 2: anchor = '', index }) => ({ link, anchor: anchor.slice(1), line: lineAt(text, index) }))
      .flatMap(({ link, anchor, line }) => {
        const target = link === '' ? file : posix.join(posix.dirname(file), link)
        if (link !== '' && !exists(target)) return [{ file, line, rule: `links to ${link}, which does not exist` }]
        const page = documents.get(target)
        const isThere = anchor === '' || page === undefined || anchorsOf(page).has(anchor)
        return isThere ? [] : [{ file, line, rule: `links to ${link}#${anchor}, and there is no such heading` }]
      }),
  )

const LINK = /\]\((?![a-z]+:)([^)#\s]*)(#[^)\s]*)?\)/g
