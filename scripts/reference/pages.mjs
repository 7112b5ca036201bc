// The pages of docs/reference: one for each door of the package, and one with all names.
import { heading, isHidden, memberLine, shown, shownAlias, typesIn } from './signature.mjs'

const NOTE = '<!-- Made by `npm run reference` from the doc comments and types. Change those, not this. -->'
/** Longer ones are data, such as the table of error codes: the value says it better than the type. */
const LONGEST = 40

/** The pages by their file names. */
export const pagesOf = ({ doors, resolve }) => {
  const shapes = new Map()
  /** Where an entry stands: of several doors, the first. */
  const places = new Map()
  for (const door of doors) {
    for (const { name, entry } of door.exports) {
      if (!places.has(keyOf(entry))) places.set(keyOf(entry), { page: pageOf(door), name })
    }
  }
  for (const door of doors) shapes.set(door, shapesOf(door, places, resolve))
  return new Map([
    ['README.md', index(doors)],
    ...doors.map((door) => [pageOf(door), page(door, shapes.get(door), places, resolve)]),
  ])
}

const keyOf = ({ file, name }) => `${file}#${name}`
const pageOf = ({ door }) => `${door.replaceAll('/', '-')}.md`
/** As GitHub makes the anchor of a heading that is nothing but a name. */
const anchorOf = (name) => name.toLowerCase().replaceAll('$', '')

/** What a door's exports are made of and no door exports: shown at the end of its page, so that no shape is left to guess. */
const shapesOf = (door, places, resolve) => {
  const found = []
  const waiting = door.exports.map(({ entry }) => entry)
  for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
    for (const name of namesUsed(entry)) {
      const used = resolve(entry.file, name)
      if (used === undefined || places.has(keyOf(used)) || !isShape(used, ancestorsOf(entry).has(name))) continue
      places.set(keyOf(used), { page: pageOf(door), name: used.name })
      found.push(used)
      waiting.push(used)
    }
  }
  return found.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
}

/** What the parts of the package call each other by is nobody's to use, though types of the doors mention it. Data may be. */
const INSIDE = /^dist\/(ports|wire|server|runtime|testing)\//

/** What something exported has its members from is shown wherever it is. */
const isShape = ({ file, declarations }, isAncestor) =>
  (isAncestor || !INSIDE.test(file) || declarations.every(({ node }) => isData(node))) &&
  declarations.some(({ kind }) => kind === 'TSInterfaceDeclaration' || kind === 'TSTypeAliasDeclaration')

const isData = (node) => {
  if (node === null || typeof node !== 'object') return true
  if (/^TS(Function|Constructor)Type$|^TSMethodSignature$/.test(node.type)) return false
  return Object.entries(node).every(([key, value]) => key === 'parent' || isData(value))
}

const namesUsed = (entry) =>
  new Set(entry.declarations.flatMap(({ node }) => partsOf(entry, node).flatMap((part) => [...typesIn(part)])))

/** The parts of a declaration that are shown: a class without a constructor that is not for users. */
const partsOf = (entry, node) => {
  const body = node.body?.body
  if (!Array.isArray(body)) return [node]
  return [...heritageOf(node), ...membersOf(entry, node)]
}

const heritageOf = (node) => [...(node.extends ?? []), ...(node.implements ?? [])]

const ancestorsOf = ({ declarations }) =>
  new Set(declarations.flatMap(({ node }) => heritageOf(node).flatMap((ancestor) => [...typesIn(ancestor)])))

/** What a comment above a constructor says that is not for users, such as "Use `caucus.group(name)`." */
const NOT_FOR_USERS = /^(Use `|Made by |Comes )/

const isForUsers = (entry, member) =>
  !isHidden(member) && !(member.kind === 'constructor' && NOT_FOR_USERS.test(entry.commentBefore(member) ?? ''))

const membersOf = (entry, node) => node.body.body.filter((member) => isForUsers(entry, member))

const index = (doors) =>
  [
    '# Reference',
    NOTE,
    'Every name that the package exports, by the door that it comes through, with what it promises. What belongs together and how to use it: [API](../api.md).',
    ...doors.map(
      (door) =>
        `## [\`${door.door}\`](${pageOf(door)})\n\n${door.exports
          .map(({ name }) => `[\`${name}\`](${pageOf(door)}#${anchorOf(name)})`)
          .join(' · ')}`,
    ),
    '',
  ].join('\n\n')

const page = (door, shapes, places, resolve) => {
  const link = linkFrom(door, places, resolve)
  return [
    `# \`${door.door}\``,
    NOTE,
    ...(door.comment ? [door.comment] : []),
    `[All doors](README.md) · [API](../api.md)`,
    ...door.exports.flatMap(({ name, entry }) => section(name, entry, link)),
    ...(shapes.length === 0
      ? []
      : [
          '# Shapes',
          'What the above is made of, and which has no name to import.',
          ...shapes.flatMap((entry) => section(entry.name, entry, link)),
        ]),
    '',
  ].join('\n\n')
}

/** Gives the link to a type as it is called in the file of an entry; `undefined` for types that are not of the package. */
const linkFrom = (door, places, resolve) => (entry, name) => {
  const used = resolve(entry.file, name)
  const place = used === undefined ? undefined : places.get(keyOf(used))
  if (place === undefined || keyOf(used) === keyOf(entry)) return undefined
  return `[\`${place.name}\`](${place.page === pageOf(door) ? '' : place.page}#${anchorOf(place.name)})`
}

const section = (name, entry, link) => {
  const declarations = entry.declarations.flatMap((declaration) => described(entry, declaration))
  const uses = [...namesUsed(entry)].map((used) => link(entry, used)).filter((found) => found !== undefined)
  return [
    `## ${name}`,
    ...(entry.comment === undefined ? [] : [entry.comment]),
    ...declarations,
    `${uses.length === 0 ? '' : `With ${[...new Set(uses)].join(', ')}. `}From \`${sourceOf(entry.file)}\`.`,
  ]
}

export const sourceOf = (file) => file.replace(/^dist\//, 'src/').replace(/\.d\.ts$/, '.ts')

const described = (entry, { node }) => {
  if (node.type === 'ClassDeclaration' || node.type === 'TSInterfaceDeclaration') {
    const members = membersOf(entry, node).map((member) => `- ${memberItem(entry, member)}`)
    return [fenced(heading(entry.text, node)), ...(members.length === 0 ? [] : [members.join('\n')])]
  }
  const kind = node.type === 'VariableDeclarator' ? 'const ' : ''
  const text =
    node.type === 'TSTypeAliasDeclaration' ? shownAlias(entry.text, node) : `${kind}${shown(entry.text, node)}`
  return text.split('\n').length > LONGEST ? [] : [fenced(text)]
}

const memberItem = (entry, member) => {
  const comment = entry.commentBefore(member)
  const text = memberLine(entry.text, member)
  const line = text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
  return comment === undefined ? line : `${line}: ${comment.replaceAll('\n', '\n  ')}`
}

const fenced = (text) => `\`\`\`ts\n${text}\n\`\`\``
