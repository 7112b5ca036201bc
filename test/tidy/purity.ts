import { type Files, isNode, lineAt, type Node, parse, type Violation, walk } from './source.ts'

/** What a pure part has no business with, and what it takes instead. */
const BANNED: Readonly<Record<string, string>> = {
  ...names('time is an argument', 'Date performance Temporal setTimeout setInterval setImmediate queueMicrotask'),
  ...names('nothing is awaited in a machine', 'Promise AbortController AbortSignal Atomics'),
  ...names('chance is an argument', 'crypto'),
  ...names('results are returned, not printed', 'console'),
  ...names('the machine around it is not visible', 'process globalThis global window self navigator Buffer require'),
  ...names('it has no network', 'fetch WebSocket EventSource'),
  ...names('it depends on the locale of the machine', 'Intl'),
  ...names('it depends on the garbage collector', 'WeakRef FinalizationRegistry'),
  ...names('code is not data', 'eval Function'),
}

const LOCALE_METHODS = /^(localeCompare|toLocale\w*)$/

function names(why: string, list: string): Record<string, string> {
  return Object.fromEntries(list.split(' ').map((name) => [name, why]))
}

/** True where an identifier names a property or a member rather than a variable. */
const isOnlyAKey = (node: Node, parent: Node | undefined): boolean => {
  if (parent === undefined || parent.computed === true) return false
  if (parent.type === 'MemberExpression') return parent.property === node
  if (parent.type === 'TSQualifiedName') return parent.right === node
  if (parent.type === 'Property') return parent.key === node && parent.shorthand !== true
  return parent.key === node
}

const propertyName = (member: Node): unknown => {
  const property = member.property
  if (!isNode(property)) return undefined
  return member.computed === true ? property.value : property.name
}

const isInsideInvariant = (ancestors: readonly Node[]): boolean =>
  ancestors.some(({ type, id }) => type === 'FunctionDeclaration' && isNode(id) && id.name === 'invariant')

const impurity = (node: Node, ancestors: readonly Node[]): string | undefined => {
  const parent = ancestors.at(-1)
  switch (node.type) {
    case 'Identifier': {
      const name = String(node.name)
      if (isOnlyAKey(node, parent)) return undefined
      if (Object.hasOwn(BANNED, name)) return `uses ${name}: ${BANNED[name]}`
      // Only `Math.something` is let through, so that `random` cannot leave by another way.
      if (name === 'Math' && parent?.type !== 'MemberExpression') return 'takes Math apart: write Math.max and the like'
      return undefined
    }
    case 'MemberExpression': {
      const name = propertyName(node)
      if (isNode(node.object) && node.object.name === 'Math' && (name === 'random' || name === undefined))
        return 'uses Math.random: chance is an argument'
      return LOCALE_METHODS.test(String(name)) ? `uses ${name}: it depends on the locale of the machine` : undefined
    }
    case 'AwaitExpression':
      return 'awaits: a machine runs to completion'
    case 'ImportExpression':
      return 'imports while it runs: a machine runs to completion'
    case 'ForOfStatement':
      return node.await === true ? 'awaits: a machine runs to completion' : undefined
    case 'VariableDeclaration':
      return node.kind === 'await using' ? 'awaits: a machine runs to completion' : undefined
    case 'ThrowStatement':
      return isInsideInvariant(ancestors) ? undefined : 'throws: return the outcome, or state an invariant'
    default:
      return node.async === true ? 'has an async function: nothing is awaited in a machine' : undefined
  }
}

/** What keeps the files of src/core from giving the same answer to the same arguments. */
export const checkPurity = (files: Files): Violation[] =>
  [...files]
    .filter(([file]) => file.startsWith('src/core/'))
    .flatMap(([file, text]) => {
      const violations: Violation[] = []
      walk(parse(file, text), (node, ancestors) => {
        const rule = impurity(node, ancestors)
        if (rule !== undefined) violations.push({ file, line: lineAt(text, node.start), rule })
      })
      return violations
    })
