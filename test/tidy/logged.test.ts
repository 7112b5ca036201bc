import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tableRows } from './documents.ts'
import { type Files, isNode, lineAt, type Node, parse, readTree, root, walk } from './source.ts'

const LIST = 'src/ports/log-events.ts'
const sources = readTree(['src'], ['.ts'])
const events = readFileSync(join(root, 'docs/events.md'), 'utf8')
const LEVELS = new Set(['debug', 'info', 'warn', 'error'])

/** The strings of the type `name` in `text`. */
const unionOf = (text: string, name: string): string[] => {
  const strings: string[] = []
  walk(parse(LIST, text), (node, ancestors) => {
    const isIn = ancestors.some(({ type, id }) => type === 'TSTypeAliasDeclaration' && isNode(id) && id.name === name)
    if (isIn && node.type === 'Literal' && typeof node.value === 'string') strings.push(node.value)
  })
  return strings
}

const nameOf = (node: unknown): string => {
  if (!isNode(node)) return ''
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') return String(node.name)
  if (node.type === 'MemberExpression') return nameOf(node.property)
  if (node.type === 'ChainExpression') return nameOf(node.expression)
  return ''
}

/** Where `node` is a line of a log: the argument that must have an `event`. */
const detailsOf = (node: Node): unknown => {
  if (node.type !== 'CallExpression' || !isNode(node.callee) || !Array.isArray(node.arguments)) return undefined
  const { callee } = node
  const method = nameOf(callee)
  const [first, , third] = node.arguments
  if (callee.type === 'MemberExpression' && /logger$/i.test(nameOf(callee.object)) && LEVELS.has(method)) return first
  const isOurs = method === 'log' && isNode(first) && first.type === 'Literal' && LEVELS.has(String(first.value))
  return isOurs ? (third ?? first) : undefined
}

const hasEvent = (details: unknown): boolean =>
  isNode(details) &&
  Array.isArray(details.properties) &&
  details.properties.some((property) => isNode(property) && nameOf(property.key) === 'event')

/** Lines that are logged without an event of their own, unless they pass on what somebody else has said. */
const withoutEvent = (files: Files): string[] => {
  const found: string[] = []
  for (const [file, text] of files) {
    walk(parse(file, text), (node) => {
      const details = detailsOf(node)
      if (details === undefined || hasEvent(details)) return
      if (isNode(details) && details.type === 'Identifier' && details.name === 'details') return
      found.push(`${file}:${lineAt(text, node.start)}`)
    })
  }
  return found
}

test('every event that only a log line tells stands in the table of those, and no other does', () => {
  const [, table = ''] = events.split('## In logs only')
  const told = unionOf(sources.get(LIST) ?? '', 'LoggedOnly')
  expect(told.length).toBeGreaterThan(40)
  expect([...tableRows(table).keys()].sort()).toEqual([...told].sort())
})

test('every one of them is told by something', () => {
  const code = [...sources].filter(([file]) => file !== LIST).map(([, text]) => text)
  const isTold = (name: string) => code.some((text) => text.includes(`'${name}'`))
  expect(unionOf(sources.get(LIST) ?? '', 'LoggedOnly').filter((name) => !isTold(name))).toEqual([])
})

test('an event that is told elsewhere too has the name that it has there', () => {
  const [elsewhere = ''] = events.split('## In logs only')
  const rows = tableRows(elsewhere)
  expect(
    unionOf(sources.get(LIST) ?? '', 'ToldElsewhere').filter((name) => name !== 'type' && !rows.has(name)),
  ).toEqual([])
})

test('every line that is logged has an event', () => {
  expect(withoutEvent(sources)).toEqual([])
  const logged = new Map([
    ['a.ts', "logger.info({}, 'a')\nthis.#options.logger.warn({ event: 'link.lost' }, 'b')"],
    ['b.ts', "telemetry?.log('warn', 'c', { error })\nthis.#options.log('info', 'd')\nMath.log(2)"],
    ['c.ts', "logger[level](details, message)\ntelemetry.log(level, message, details)\nlog('info', 'e', details)"],
  ])
  expect(withoutEvent(logged)).toEqual(['a.ts:1', 'b.ts:1', 'b.ts:2'])
})
