import { afterAll, beforeAll, expect, vi } from 'vitest'

const SHARED = { console, Date, globalThis, Math, performance, process, stderr: process.stderr, stdout: process.stdout }
const mocksOf = (owner: object): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(owner)).flatMap(([name, { value }]) =>
    vi.isMockFunction(value) ? [name] : [],
  )

/** What a test file can change of the process that it shares with the files after it. */
const surroundings = () => ({
  'working folder': process.cwd(),
  'file mode mask': process.umask(),
  environment: { ...process.env },
  globals: Object.getOwnPropertyNames(globalThis).sort(),
  listeners: Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)])),
  mocks: Object.entries(SHARED).flatMap(([name, owner]) => mocksOf(owner).map((mock) => `${name}.${mock}`)),
})

// Files share their process, so that the sources are imported once for many: each leaves it as it was.
let before: ReturnType<typeof surroundings>
beforeAll(() => {
  before = surroundings()
})
afterAll(() => expect(surroundings(), 'what this file leaves behind in its process').toEqual(before))
