// How a declaration of a .d.ts file is shown: without `declare`, `readonly`, doc comments and what is private.

/** Names of types that a node mentions, in order and once each. */
export const typesIn = (node) => {
  const names = new Set()
  const enter = (current) => {
    if (current === null || typeof current !== 'object') return
    if (Array.isArray(current)) return current.forEach(enter)
    if (current.type === 'TSTypeReference') names.add(rootName(current.typeName))
    if (current.type === 'TSInterfaceHeritage' || current.type === 'TSClassImplements')
      names.add(rootName(current.expression))
    if (current.type === 'TSImportType' && current.qualifier) names.add(rootName(current.qualifier))
    if (current.type === 'TSTypeQuery') names.add(rootName(current.exprName))
    if (current.type === 'ClassDeclaration' && current.superClass) names.add(rootName(current.superClass))
    if (isHidden(current)) return
    for (const [key, value] of Object.entries(current)) if (key !== 'parent') enter(value)
  }
  enter(node)
  return names
}

const rootName = (node) =>
  node?.type === 'Identifier' ? node.name : rootName(node?.left ?? node?.object ?? { type: 'Identifier', name: '' })

/** What users have nothing to do with: `#private`, and what is marked private or by a symbol that nobody has. */
export const isHidden = (member) =>
  member.accessibility === 'private' ||
  member.key?.type === 'PrivateIdentifier' ||
  (member.computed === true && member.key?.type === 'Identifier')

/** The text of a node as it is shown, its doc comments taken out. */
export const shown = (text, { start, end }) =>
  outdented(text.slice(start, end).replaceAll(/\s*\/\*\*.*?\*\//gs, ''))
    .replace(/^export /, '')
    .replace(/^declare /, '')
    .replaceAll(/import\("[^"]+"\)\./g, '')
    .replace(/^get (\w+)\(\)/, '$1')
    .replaceAll(/(^|[\s{(])readonly (?=[\w'"[]+[\w'"\]]*\??:)/g, '$1')
    .trim()
    .replace(/;$/, '')

/** The longest object type and declaration that stand on one line. */
const [LONGEST_OBJECT, LONGEST_LINE] = [100, 110]

/** `{ a: 1; b: 2 }` on one line wherever that is short. */
const compact = (text) => {
  const next = text.replaceAll(/\{\n([^{}]+?);?\n\s*\}/g, (all, inner) => {
    const line = `{ ${inner.trim().replaceAll(/\s*\n\s*/g, ' ')} }`
    return line.length <= LONGEST_OBJECT ? line : all
  })
  return next === text ? text : compact(next)
}

/** A type alias, with one line for each branch of a union that is long. */
export const shownAlias = (text, node) => {
  const { typeAnnotation } = node
  const whole = compact(shown(text, node))
  if (typeAnnotation.type !== 'TSUnionType' || (whole.length <= LONGEST_LINE && !whole.includes('\n'))) return whole
  const name = shown(text, { start: node.start, end: typeAnnotation.start }).replace(/\s*\|?\s*$/, '')
  const branches = typeAnnotation.types.map((type) => compact(shown(text, type)).replaceAll('\n', '\n    '))
  return [name, ...branches.map((branch) => `  | ${branch}`)].join('\n')
}

/** With two spaces where the compiler writes four, and what it indented with the members of a type taken back. */
const outdented = (text) => {
  const lines = text.split('\n')
  const rest = lines.slice(1).filter((line) => line.trim() !== '')
  const least = Math.min(...rest.map((line) => /^ */.exec(line)[0].length))
  return lines
    .map((line, index) => (index === 0 ? line : line.slice(least)))
    .map((line) => line.replace(/^( {4})+/, (spaces) => ' '.repeat(spaces.length / 2)))
    .join('\n')
}

/** The first line of a class or an interface: its name, parameters and ancestors. */
export const heading = (text, node) =>
  shown(text, { start: node.start, end: node.body.start }).replace(/\s+/g, ' ').trim()

/** `join(options?: JoinOptions): Promise<Membership>`, `weight?: number`: a member on one line, as far as it goes. */
export const memberLine = (text, member) =>
  shown(text, member)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('; }', ' }')
