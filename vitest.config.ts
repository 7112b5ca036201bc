import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const source = (file: string) => path(`./src/${file}`)

/** What replaces modules or clocks, or measures the heap, of the process that it runs in: it has one of its own. */
const ALONE = /\bvi\.((mock|doMock|stubGlobal|useFakeTimers)\(|spyOn\((performance|Math|Date|globalThis),)|expose-gc/
const alone = readdirSync(path('./test/unit'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('test/unit', file).replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.test.ts') && ALONE.test(readFileSync(path(`./${file}`), 'utf8')))

/** Those that compute, as many at a time as there are processors on a small machine. */
const computing = { maxWorkers: 2, sequence: { groupOrder: 0 } }
/** Those that run processes, and mostly wait for them. They leave nothing behind in their own. */
const waiting = { isolate: false, maxWorkers: 4, maxConcurrency: 3, sequence: { groupOrder: 1 } }

/** Short files that take long. They begin first, by the name of their project: what begins last is waited for alone. */
const LONG = ['test/contract/**/*.test.ts', 'test/process/{documents-shell,peers-faults,trial-members}.test.ts']

export default defineConfig({
  resolve: {
    alias: [
      { find: /^caucus\/(compat|testing)$/, replacement: source('$1/index.ts') },
      { find: /^caucus\/(etcd|nats|opentelemetry|server|sql)$/, replacement: source('$1.ts') },
      { find: /^caucus$/, replacement: source('index.ts') },
    ],
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    setupFiles: ['test/leaves-nothing.ts'],
    projects: [
      {
        extends: true,
        test: {
          ...computing,
          name: 'pure',
          include: ['test/{unit,sim,golden,exhaustive}/**/*.test.ts', 'test/tidy.test.ts'],
          exclude: alone,
          // They leave nothing behind, so that one process can import the sources once for many files.
          isolate: false,
        },
      },
      { extends: true, test: { ...computing, name: 'alone', include: alone } },
      { extends: true, test: { ...waiting, name: 'long', include: LONG } },
      {
        extends: true,
        test: { ...waiting, name: 'processes', include: ['test/{process,e2e}/**/*.test.ts'], exclude: LONG },
      },
    ],
  },
})
