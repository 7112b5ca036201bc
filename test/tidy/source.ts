import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Path from the root of the repository, with `/`, to text: the tree itself, or a made-up one in a test of a check. */
export type Files = ReadonlyMap<string, string>

export interface Violation {
  readonly file: string
  readonly line: number
  readonly rule: string
}

export const describeViolation = ({ file, line, rule }: Violation): string => `${file}:${line} ${rule}`

/** A node of the syntax tree, as loosely typed as a check that asks for a few properties needs it. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly [property: string]: unknown
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

export const parse = (file: string, text: string): Node => {
  const { program, errors } = parseSync(file, text, { sourceType: 'module', astType: 'ts', preserveParens: false })
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message}`)
  const node: unknown = program
  if (!isNode(node)) throw new Error(`${file}: the parser gave no program`)
  return node
}

/** Calls `visit` for every node, parents before children; `ancestors` runs from the program to the parent. */
export const walk = (node: Node, visit: (node: Node, ancestors: readonly Node[]) => void): void => {
  const ancestors: Node[] = []
  const enter = (current: Node): void => {
    visit(current, ancestors)
    ancestors.push(current)
    for (const [key, value] of Object.entries(current)) {
      if (key === 'parent') continue
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) enter(child)
    }
    ancestors.pop()
  }
  enter(node)
}

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

/** The files below `folders` (or files themselves) whose names end in one of `extensions`. */
export const readTree = (folders: readonly string[], extensions: readonly string[]): Files => {
  const files = new Map<string, string>()
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !extensions.some((extension) => entry.name.endsWith(extension))) continue
      files.set(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8'))
    }
  }
  return files
}
