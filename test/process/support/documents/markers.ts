import { isNode, lineAt, type Node, parse, walk } from '../../../tidy/source.ts'

/** A program that tells how far it gets. */
export interface Marked {
  readonly code: string
  /** The lines, in the block, of what must be reached: by the number of its marker. */
  readonly demanded: ReadonlyMap<number, number>
  /** It has an end to come to: its last statement is no loop, which may go on for ever. */
  readonly ends: boolean
}

/** They say nothing at run time, or what they say is said when somebody calls them. */
const SILENT = /^(Import|Export|Function|Class|TS)\w*Declaration$/
const ASIDE = /^(CatchClause|ThrowStatement|ContinueStatement)$/
const LOOP = /^(For\w*|While|DoWhile)Statement$/
/** What becomes of an error, of the other case, and of what need not be waited for: a run takes one way. */
const isAside = (node: Node, ancestors: readonly Node[]): boolean =>
  [...ancestors, node].some((each, n, all) => {
    const [parent, before] = [all[n - 1], all[n - 2]]
    const isElse = parent?.type === 'IfStatement' && parent.alternate === each
    const isWaiting = parent?.type === 'WhileStatement' && parent.body === each
    // What is tried and caught may fail at its first statement: the page shows how.
    const isTried = before?.type === 'TryStatement' && before.handler !== null && before.block === parent
    const isLater = isTried && statementsOf(parent ?? each)[0] !== each
    return ASIDE.test(each.type) || isElse || isWaiting || isLater
  })

/**
 * Puts a call of `reached(n)` in front of every statement and into every function that is an expression, and `ended()` at the end.
 * What a run can do without (`catch`, `else`, `throw`, `continue`) is not demanded.
 */
export const marked = (file: string, code: string): Marked => {
  const inserts: { readonly at: number; readonly text: string }[] = []
  const demanded = new Map<number, number>()
  let count = 0
  const mark = (node: Node, ancestors: readonly Node[]): string => {
    count += 1
    if (!isAside(node, ancestors)) demanded.set(count, lineAt(code, node.start))
    return `globalThis.reached(${count})`
  }
  const program = parse(file, code)
  walk(program, (node, ancestors) => {
    for (const statement of statementsOf(node)) {
      if (SILENT.test(statement.type)) continue
      inserts.push({ at: statement.start, text: `${mark(statement, [...ancestors, node])};` })
    }
    for (const body of bareBodiesOf(node)) {
      inserts.push({ at: body.start, text: `{${mark(body, [...ancestors, node])};` }, { at: endOf(body), text: '}' })
    }
    const { body } = node
    if (node.type === 'ArrowFunctionExpression' && isNode(body) && body.type !== 'BlockStatement') {
      inserts.push({ at: body.start, text: `(${mark(body, [...ancestors, node])},` }, { at: endOf(body), text: ')' })
    }
  })
  const ordered = inserts.map((insert, n) => ({ ...insert, n })).sort((a, b) => b.at - a.at || b.n - a.n)
  const text = ordered.reduce((sofar, { at, text }) => sofar.slice(0, at) + text + sofar.slice(at), code)
  return {
    code: `${text}\nglobalThis.ended()\nexport {}\n`,
    demanded,
    ends: !LOOP.test(statementsOf(program).at(-1)?.type ?? ''),
  }
}

const endOf = ({ end }: Node): number => Number(end)

const statementsOf = (node: Node): readonly Node[] => {
  const list =
    node.type === 'SwitchCase' ? node.consequent : /^(Program|BlockStatement)$/.test(node.type) ? node.body : []
  return Array.isArray(list) ? list.filter(isNode) : []
}

/** `if (a) b()`, `for (…) c()`: a body without braces. */
const bareBodiesOf = (node: Node): readonly Node[] => {
  const bodies =
    node.type === 'IfStatement' ? [node.consequent, node.alternate] : LOOP.test(node.type) ? [node.body] : []
  return bodies.filter(isNode).filter(({ type }) => type !== 'BlockStatement')
}
