// What the doors of the package export, as their built types (dist/**/*.d.ts) say it: the compiler has written out every type there,
// and has kept every doc comment. So no second compiler is needed, and what is read here is what a user's editor shows.
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'

/**
 * Reads the doors of the package in `root`. Gives `{ doors, entryOf }`: for each door its exports
 * (`{ name, entry }`), an entry being `{ file, name, comment, declarations, text }`, one for each declaration of one file.
 */
export const readModel = (root) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const modules = new Map()
  const moduleOf = (file) => {
    if (!modules.has(file)) modules.set(file, readModule(root, file))
    return modules.get(file)
  }

  /** The declaration that `name` stands for in `file`, through imports and re-exports; `undefined` for what is not of this package. */
  const resolve = (file, name) => {
    const module = moduleOf(file)
    if (module === undefined) return undefined
    const local = module.entries.get(name)
    if (local !== undefined) return local
    const via = module.links.get(name)
    if (via !== undefined) return via.file === undefined ? undefined : resolve(via.file, via.name)
    for (const target of module.stars) {
      const found = resolve(target, name)
      if (found !== undefined) return found
    }
    return undefined
  }

  const namesOf = (file) => {
    const module = moduleOf(file)
    if (module === undefined) return []
    return [...module.exported, ...module.stars.flatMap(namesOf)]
  }

  const doors = Object.entries(manifest.exports)
    .filter(([, target]) => typeof target === 'object' && target.types !== undefined)
    .map(([door, { types }]) => {
      const file = posix.normalize(types)
      const exports = [...new Set(namesOf(file))].sort(byName).map((name) => {
        const entry = resolve(file, name)
        if (entry === undefined) throw new Error(`${file} exports ${name}, and no declaration of it can be found.`)
        return { name, entry }
      })
      return { door: posix.join(manifest.name, door), file, comment: moduleOf(file).comment, exports }
    })
  return { doors, resolve }
}

const byName = (a, b) => {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()]
  return left < right ? -1 : left > right ? 1 : 0
}

const readModule = (root, file) => {
  if (!existsSync(join(root, file))) return undefined
  const text = readFileSync(join(root, file), 'utf8')
  const { program, comments, errors } = parseSync(file, text, { sourceType: 'module', astType: 'ts', lang: 'dts' })
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0].message}`)
  const commentBefore = commentsOf(text, comments)
  const module = { entries: new Map(), links: new Map(), stars: [], exported: [], comment: undefined }
  const first = comments.find(({ type, value }) => type === 'Block' && value.includes('@module'))
  if (first !== undefined) module.comment = cleaned(first.value)

  const declare = (declaration, statement) => {
    for (const { name, node } of namesDeclared(declaration)) {
      const comment = commentBefore(statement)
      const entry = module.entries.get(name) ?? {
        file,
        name,
        text,
        comment: undefined,
        declarations: [],
        commentBefore,
      }
      entry.comment ??= comment
      entry.declarations.push({ node, kind: declaration.type, comment })
      module.entries.set(name, entry)
    }
  }
  const pathOf = (specifier) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier).replace(/\.(ts|js)$/, '.d.ts') : undefined

  for (const statement of program.body) {
    const source = statement.source?.value
    if (statement.type === 'ImportDeclaration') {
      for (const { local, imported } of statement.specifiers) {
        module.links.set(local.name, { file: pathOf(source), name: imported?.name ?? 'default' })
      }
    } else if (statement.type === 'ExportAllDeclaration') {
      module.stars.push(pathOf(source))
    } else if (statement.type === 'ExportNamedDeclaration' && statement.declaration) {
      declare(statement.declaration, statement)
      module.exported.push(...namesDeclared(statement.declaration).map(({ name }) => name))
    } else if (statement.type === 'ExportNamedDeclaration') {
      for (const { local, exported } of statement.specifiers) {
        module.exported.push(exported.name)
        if (source !== undefined) module.links.set(exported.name, { file: pathOf(source), name: local.name })
        else if (local.name !== exported.name) module.links.set(exported.name, { file, name: local.name })
      }
    } else {
      declare(statement, statement)
    }
  }
  return module
}

const namesDeclared = (declaration) => {
  if (declaration.type === 'VariableDeclaration') {
    return declaration.declarations.map((node) => ({ name: node.id.name, node }))
  }
  return declaration.id ? [{ name: declaration.id.name, node: declaration }] : []
}

/** Gives the function that finds the doc comment of a node: the last one that ends before it, with nothing but space between. */
const commentsOf = (text, comments) => {
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
  return ({ start }) => {
    const found = docs.findLast(({ end }) => end <= start)
    return found !== undefined && text.slice(found.end, start).trim() === '' ? cleaned(found.value) : undefined
  }
}

/** The text of a doc comment: paragraphs of one line each, lists and code as they stand. */
const cleaned = (value) => {
  const lines = value
    .slice(1)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .filter((line) => !/^@module\b/.test(line))
  return lines
    .join('\n')
    .trim()
    .replaceAll(/([^\n])\n(?=[^\n\s\-|*])(?!```)/g, '$1 ')
}
