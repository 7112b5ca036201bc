import { posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { type Files, lineAt, type Violation } from './source.ts'

/** The names that a module exports, with the file and line of each; `export *` is followed. */
const exportsOf = (file: string, files: Files): Map<string, { file: string; line: number }> => {
  const found = new Map<string, { file: string; line: number }>()
  const text = files.get(file)
  if (text === undefined) return found
  for (const { entries } of parseSync(file, text, { sourceType: 'module' }).module.staticExports) {
    for (const { exportName, moduleRequest, start } of entries) {
      if (exportName.name !== null) found.set(exportName.name, { file, line: lineAt(text, start) })
      else if (moduleRequest !== null) {
        const target = posix.join(posix.dirname(file), moduleRequest.value)
        for (const [name, place] of exportsOf(target, files)) found.set(name, place)
      }
    }
  }
  return found
}

/** `./dist/compat/index.js` → `src/compat/index.ts`; undefined for what is not compiled. */
const sourceOf = (built: string): string | undefined =>
  /^\.\/dist\/(.+)\.js$/.exec(built)?.[1]?.replace(/^/, 'src/').concat('.ts')

export interface PackageExports {
  readonly [door: string]: string | { readonly types?: string; readonly default: string }
}

/** Every door of the package has a source file, and every name that it exports stands in some document. */
export const checkExports = (doors: PackageExports, files: Files, documents: Files): Violation[] => {
  const words = new Set([...documents.values()].flatMap((text) => text.match(/[A-Za-z_$][\w$]*/g) ?? []))
  return Object.entries(doors).flatMap(([door, target]) => {
    const source = sourceOf(typeof target === 'string' ? target : target.default)
    if (source === undefined) return []
    if (!files.has(source))
      return [{ file: 'package.json', line: 1, rule: `exports ${door}, but there is no ${source}` }]
    return [...exportsOf(source, files)]
      .filter(([name]) => !words.has(name))
      .map(([name, place]) => ({ ...place, rule: `${door} exports ${name}, which no document mentions` }))
  })
}
