import { posix } from 'node:path'
import { type Files, isNode, lineAt, type Node, parse, type Violation, walk } from './source.ts'

/** One line of the table in docs/architecture.md. `*` stands for everything. */
interface Rule {
  /** Folders and doors that may be imported, besides the folder itself. */
  readonly may: readonly string[]
  /** Folders of which only types may be imported. */
  readonly typesOf?: readonly string[]
  readonly not?: readonly string[]
  readonly packages: readonly string[]
  readonly node: readonly string[]
}

const PURE = { packages: [], node: [] }
const FACE = ['ports', 'runtime', 'wire', 'config', 'core', 'errors']
const ENGINE = {
  may: ['runtime', 'transports', 'stores', 'ports', 'wire', 'core', 'config', 'errors'],
  packages: [],
  node: ['*'],
}

const RULES: Readonly<Record<string, Rule>> = {
  errors: { may: [], ...PURE },
  core: { may: ['errors'], ...PURE },
  ports: { may: ['errors'], typesOf: ['core'], ...PURE },
  config: { may: ['core', 'errors'], packages: ['ajv'], node: [] },
  wire: { may: ['core', 'errors'], packages: ['@sinclair/typebox', 'ajv'], node: [] },
  runtime: { may: ['ports', 'core', 'errors'], packages: [], node: ['perf_hooks', 'timers', 'os'] },
  transports: { may: ['ports', 'wire', 'core', 'errors'], packages: ['ws'], node: ['*'] },
  stores: { may: ['ports', 'wire', 'core', 'errors'], packages: [], node: ['*'] },
  threads: { may: ['ports', 'runtime', 'core', 'errors'], packages: ['piscina'], node: ['*'] },
  client: { may: [...FACE, 'threads'], packages: [], node: ['*'] },
  server: { may: FACE, packages: ['fastify', '@fastify/*', 'ws', 'prom-client', 'pino'], node: ['*'] },
  'backends/embedded': ENGINE,
  'backends/remote': ENGINE,
  'backends/peer': ENGINE,
  'backends/etcd': { ...ENGINE, packages: ['etcd3'] },
  'backends/local': ENGINE,
  'backends/nats': { ...ENGINE, packages: ['@nats-io/*'] },
  opentelemetry: { may: ['ports', 'runtime', 'core', 'errors'], packages: ['@opentelemetry/api'], node: [] },
  compat: { may: ['door', 'runtime', 'wire', 'core', 'errors'], packages: [], node: ['*'] },
  adapters: { may: ['door', 'runtime', 'wire', 'core', 'errors'], packages: [], node: ['*'] },
  testing: { may: ['*'], not: ['cli', 'demo'], packages: [], node: ['*'] },
  demo: { may: ['door', 'server', 'testing', 'core', 'errors'], packages: [], node: ['*'] },
  cli: { may: ['*'], packages: ['commander'], node: ['*'] },
  door: { may: ['*'], not: ['cli', 'demo'], ...PURE },
}

/** Files that import what a user has named. */
const OF_THE_USER = ['src/threads/thread.ts']

/** What the build puts into the one file that imports it: anywhere else it would be loaded as all the files that it is. */
const BUNDLED: Readonly<Record<string, string>> = { '@sinclair/typebox': 'src/wire/type.ts' }

/** Doors that live in a folder of their own; every other file directly in src/ is a door too. */
const DOORS_IN_FOLDERS = ['src/compat/index.ts', 'src/testing/index.ts']

export interface Import {
  readonly file: string
  readonly line: number
  readonly from: string
  readonly typeOnly: boolean
}

/** `core`, `backends/remote`, `errors`, or `door`. */
const folderOf = (file: string): string => {
  const [first = '', second] = file.replace(/^src\//, '').split('/')
  if (second === undefined) return first === 'errors.ts' ? 'errors' : 'door'
  return first === 'backends' ? `backends/${second.replace(/\.ts$/, '')}` : first
}

const literal = (node: unknown): string | undefined =>
  isNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined

/** True when nothing of the declaration is left once types are stripped. */
const isTypeOnly = (node: Node): boolean => {
  if (node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType') return true
  const specifiers = Array.isArray(node.specifiers) ? (node.specifiers as readonly Node[]) : []
  return specifiers.length > 0 && specifiers.every((s) => s.importKind === 'type' || s.exportKind === 'type')
}

/** Every way to name another module: import, export from, `import()`, `import('…').Type`, `import x = require()`, `require()`. */
export const importsOf = (file: string, text: string): { imports: Import[]; violations: Violation[] } => {
  const imports: Import[] = []
  const violations: Violation[] = []
  walk(parse(file, text), (node) => {
    const line = lineAt(text, node.start)
    const add = (source: unknown) => {
      const from = literal(source)
      if (from !== undefined) imports.push({ file, line, from, typeOnly: isTypeOnly(node) })
      else if (!OF_THE_USER.includes(file))
        violations.push({ file, line, rule: 'imports a module whose name is computed, so nobody can check it' })
    }
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'ImportExpression':
      case 'TSImportType':
        return add(node.source)
      case 'ExportNamedDeclaration':
        if (isNode(node.source)) add(node.source)
        return
      case 'TSExternalModuleReference':
        return add(node.expression)
      case 'CallExpression':
        if (isNode(node.callee) && node.callee.name === 'require') add((node.arguments as unknown[])[0])
    }
  })
  return { imports, violations }
}

/** The file that a relative import means, as a path from the root of the repository. */
const targetOf = ({ file, from }: Import): string => posix.join(posix.dirname(file), from)

const isRelative = (from: string): boolean => from.startsWith('.')

const packageOf = (from: string): string => from.split('/', from.startsWith('@') ? 2 : 1).join('/')

const allows = (list: readonly string[], name: string): boolean =>
  list.some((entry) => entry === '*' || entry === name || (entry.endsWith('/*') && name.startsWith(entry.slice(0, -1))))

const checkImport = (found: Import, files: Files, dependencies: readonly string[]): string | undefined => {
  const folder = folderOf(found.file)
  const rule = RULES[folder]
  if (rule === undefined) return `${folder} is no folder of the table in docs/architecture.md`
  const { from } = found

  if (from.startsWith('node:')) {
    const name = from.slice('node:'.length).split('/')[0] ?? ''
    return allows(rule.node, name) ? undefined : `${folder} may not import ${from}`
  }
  if (!isRelative(from)) {
    const name = packageOf(from)
    if (!dependencies.includes(name)) return `${from} is no dependency that an installed caucus has`
    if (!allows(rule.packages, name)) return `${folder} may not import the package ${name}`
    const only = BUNDLED[name] ?? found.file
    return only === found.file ? undefined : `only ${only} may import ${name}, with which it is bundled`
  }
  const target = targetOf(found)
  if (!from.endsWith('.ts')) return `${from}: a relative import ends in .ts`
  if (!files.has(target)) return `${from}: there is no ${target}`
  const into = folderOf(target)
  if (into === folder) return undefined
  const names = DOORS_IN_FOLDERS.includes(target) ? [into, 'door'] : [into]
  if (names.some((name) => rule.not?.includes(name))) return `${folder} may not import ${into}`
  if (names.some((name) => allows(rule.may, name))) return undefined
  if (!names.some((name) => allows(rule.typesOf ?? [], name))) return `${folder} may not import ${into}`
  return found.typeOnly ? undefined : `${folder} may import only types of ${into}: write \`import type\``
}

/** Every import of `files` against the table; `dependencies` are those that come with an installed package. */
export const checkImports = (files: Files, dependencies: readonly string[]): Violation[] =>
  [...files].flatMap(([file, text]) => {
    const { imports, violations } = importsOf(file, text)
    for (const found of imports) {
      const rule = checkImport(found, files, dependencies)
      if (rule !== undefined) violations.push({ file, line: found.line, rule })
    }
    return violations
  })

/** Circles of imports, types included; each is reported once, at the import that closes it. */
export const checkCycles = (files: Files): Violation[] => {
  const edges = new Map(
    [...files].map(([file, text]) => [file, importsOf(file, text).imports.filter(({ from }) => isRelative(from))]),
  )
  const violations: Violation[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    if (done.has(file)) return
    path.push(file)
    for (const found of edges.get(file) ?? []) {
      const target = targetOf(found)
      const at = path.indexOf(target)
      if (at >= 0) {
        const circle = [...path.slice(at), target].join(' → ')
        violations.push({ file, line: found.line, rule: `closes a circle of imports: ${circle}` })
      } else visit(target)
    }
    path.pop()
    done.add(file)
  }
  for (const file of edges.keys()) visit(file)
  return violations
}
