import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../processes.ts'
import type { Block } from './blocks.ts'
import { type Marked, marked } from './markers.ts'
import type { Place } from './place.ts'
import { type Program, runProgram } from './program.ts'

const LIMIT_MS = 90_000
const around = join(repository, 'test/process/support/documents/around.mjs')

const INSTALLED = ['vitest', '@opentelemetry', 'express', 'fastify']

/** What a reader does next with something that a block only makes: it is run behind the block. */
export interface Sequel {
  readonly having: string
  readonly then: string
}

const nameOf = ({ where }: Block): string => where.replaceAll(/\W/g, '_')

/** The blocks in TypeScript and JavaScript, as somebody would have them in a project that has the package. */
export class Programs {
  readonly #home: string
  readonly #marked = new Map<Block, Marked>()
  readonly #faults = new Map<Block, unknown>()

  /** Node 20 knows no `await using`: that is compiled away, as in any project. Types are looked at by pack.test.ts. */
  static async compiled(home: string, blocks: readonly Block[], sequels: readonly Sequel[]): Promise<Programs> {
    const programs = new Programs(home)
    mkdirSync(join(home, 'node_modules'))
    symlinkSync(repository, join(home, 'node_modules/caucus'))
    for (const name of INSTALLED) symlinkSync(join(repository, 'node_modules', name), join(home, 'node_modules', name))
    // Not installed here.
    cpSync(join(around, '../nestjs'), join(home, 'node_modules/@nestjs'), { recursive: true })
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }))
    const files = blocks.flatMap((block) => programs.#write(block, sequels))
    const options = {
      noCheck: true,
      allowJs: true,
      types: [],
      rootDir: '.',
      outDir: 'built',
      experimentalDecorators: true,
    }
    const compilerOptions = { ...options, module: 'nodenext', target: 'es2022' }
    writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
    const tsc = [process.execPath, join(repository, 'node_modules/typescript/bin/tsc'), '-p', home]
    const { code, stdout } = await runProgram(tsc, { folder: home, withinMs: LIMIT_MS })
    if (code !== 0) throw new Error(stdout)
    return programs
  }

  private constructor(home: string) {
    this.#home = home
  }

  #write(block: Block, sequels: readonly Sequel[]): readonly string[] {
    const then = sequels.filter(({ having }) => block.code.includes(having)).map(({ then }) => then)
    const file = `${nameOf(block)}.${block.language}`
    try {
      const program = marked(`${block.where}.${block.language}`, [block.code, ...then].join('\n'))
      this.#marked.set(block, program)
      writeFileSync(join(this.#home, file), program.code)
      return [file]
    } catch (error) {
      // The test of this block is to fail, and no other.
      this.#faults.set(block, error)
      return []
    }
  }

  /** Runs a block in a place that is open. */
  async run(block: Block, place: Place): Promise<Program> {
    if (this.#faults.has(block)) throw this.#faults.get(block)
    const name = nameOf(block)
    const written = (file: string) => place.rewritten(readFileSync(join(this.#home, file), 'utf8'))
    const source = join(place.folder, `block.${block.language}`)
    writeFileSync(source, written(`${name}.${block.language}`))
    const program = join(place.folder, 'program.js')
    writeFileSync(program, written(`built/${name}.js`))
    this.#writeModules(block, place)
    const env = {
      ...place.environment,
      DOCUMENT_BLOCK: source,
      DOCUMENT_REACHED: join(place.folder, 'reached'),
      DOCUMENT_DEMANDED: [...this.#demanded(block).keys()].join(),
      ...(block.prints !== undefined && { DOCUMENT_ENDS: 'by itself' }),
    }
    const options = { folder: place.folder, withinMs: LIMIT_MS }
    if (!block.code.includes("from 'vitest'")) {
      return runProgram([process.execPath, '--import', around, program], { ...options, env })
    }
    renameSync(program, join(place.folder, 'program.test.js'))
    const vitest = [join(repository, 'node_modules/vitest/vitest.mjs'), 'run', '--root', place.folder]
    const preload = { NODE_OPTIONS: `--import ${around}`, DOCUMENT_ENDS: 'by itself' }
    return runProgram([process.execPath, ...vitest], { ...options, env: { ...env, ...preload } })
  }

  /** What a block loads from beside itself is another block of the page, which begins with its name: `// price.js`. */
  #writeModules({ file, code }: Block, place: Place): void {
    for (const [, name = ''] of code.matchAll(/new URL\('\.\/([\w.-]+)'/g)) {
      const module = [...this.#marked.keys()].find(
        (other) => other.file === file && other.code.startsWith(`// ${name}\n`),
      )
      if (module !== undefined) writeFileSync(join(place.folder, name), module.code)
    }
  }

  /** The lines of the block that ought to have been run and were not. */
  missed(block: Block, place: Place): readonly string[] {
    const file = join(place.folder, 'reached')
    const reached = new Set(existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
    const lines = block.code.split('\n')
    return [...this.#demanded(block)]
      .filter(([marker]) => !reached.has(marker))
      .map(([, line]) =>
        line === 0 ? 'its end' : `line ${block.line + line}: ${lines[line - 1] ?? 'what is done with it'}`,
      )
  }

  /** What must be reached, by its marker: the line in the block, or 0 for its end. */
  #demanded(block: Block): ReadonlyMap<string, number> {
    const { demanded = new Map<number, number>(), ends = true } = this.#marked.get(block) ?? {}
    const markers = [...demanded].map(([marker, line]) => [String(marker), line] as const)
    return new Map([...markers, ...(ends || block.prints !== undefined ? [['end', 0] as const] : [])])
  }
}
