import { type BackendFactory, embedded, type Guarantees } from 'caucus'
import { backendContract, type Contract, type ContractPart, type ContractRunner } from 'caucus/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Backend, MembershipPort } from '../../src/ports/backend.ts'
import { eventually, fails, like, same } from '../../src/testing/contract/assertions.ts'
import { endAll, startNode } from '../process/support/processes.ts'

const GUARANTEES: Guarantees = { exclusion: 'leased', survivesRestart: false, survivesPartition: false }
const NO_FAULTS = { crashCoordinator: 'in here', cutOff: 'in here', stopServers: 'in here' }

interface Told {
  readonly name: string
  readonly skip: boolean
  readonly run: () => Promise<void>
}

/** Every test of a contract, told to nobody. Its subject is closed with the test around it. */
const toldOf = (backend: BackendFactory, changes: Partial<Contract> = {}) => {
  const tests: Told[] = []
  const said: string[] = []
  const counts = { opened: 0, closed: 0 }
  const runner: ContractRunner = {
    describe: (_name, body) => body(),
    test: (name, { skip }, run) => tests.push({ name, skip, run }),
    afterAll: (body) => onTestFinished(body),
  }
  const open = async () => {
    counts.opened++
    return { backend, close: async () => void counts.closed++ }
  }
  const say = (sentence: string) => void said.push(sentence)
  backendContract(runner, { name: 'it', guarantees: GUARANTEES, open, lacks: NO_FAULTS, say, ...changes })
  return { tests, said, counts }
}

/** Another backend that says something else here and there. */
const lying =
  (lie: (backend: Backend) => Partial<Backend>): BackendFactory =>
  async (options) => {
    const backend = await truth(options)
    return instead(backend, lie(backend))
  }
const truth = embedded()

const instead = <Whole extends object>(whole: Whole, part: Partial<Whole>): Whole =>
  new Proxy(whole, {
    get: (target, name) => {
      if (Object.hasOwn(part, name)) return Reflect.get(part, name)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const joining = (lie: (port: MembershipPort) => Partial<MembershipPort>) =>
  lying((backend) => ({
    join: (request, listener) => {
      const port = backend.join(request, listener)
      return instead(port, lie(port))
    },
  }))

describe('the contract catches a backend that', () => {
  const lies: readonly [string, BackendFactory, ContractPart, string][] = [
    [
      'promises more than it should',
      lying(() => ({ guarantees: { ...GUARANTEES, survivesRestart: true } })),
      'guarantees',
      'it promises what it can keep',
    ],
    [
      'grants everything at one epoch',
      joining((port) => ({
        holds: (item) => {
          const holding = port.holds(item)
          return holding && { ...holding, epoch: 7 as typeof holding.epoch }
        },
      })),
      'guarantees',
      'epochs rise over all who hold a partition, and over all views of an index',
    ],
    [
      'gives each member what only one may have',
      joining((port) => ({
        holds: (item) => {
          const [any] = port.view().held.values()
          return any && { ...any, item }
        },
      })),
      'groups',
      'partitions are all owned, loads differ by at most one, and what moves is drained before another gets it',
    ],
    [
      'forgets what members say of themselves',
      lying((backend) => ({
        join: ({ metadata, ...request }, listener) =>
          backend.join({ ...request, ...(request.share === 'tenure' ? {} : { metadata }) }, listener),
      })),
      'elections',
      'one leads at a time, each with a higher token, in the order in which they came',
    ],
    [
      'does not know all services',
      lying(({ registry = expect.fail() }) => ({ registry: instead(registry, { services: async () => [] }) })),
      'registry',
      'what one process says of itself another one finds, with what was left unsaid filled in',
    ],
    [
      'loses what is said on a topic',
      lying(({ topics = expect.fail() }) => ({
        topics: instead(topics, {
          produce: (request, _serve, listener) => topics.produce(request, () => null, listener),
        }),
      })),
      'topics',
      'everybody is asked, and it is known who answered',
    ],
  ]

  test.each(lies)('%s', async (_what, backend, part, name) => {
    const { tests } = toldOf(backend, { parts: [part] })
    const caught = tests.find((each) => each.name === name) ?? expect.fail(`there is no test "${name}"`)
    await expect(caught.run()).rejects.toThrow()
    const honest = toldOf(truth, { parts: [part] }).tests.find((each) => each.name === name)
    await honest?.run()
  })
})

test('one subject serves all tests, is opened by the first of them, and closed after the last', async () => {
  const { tests, counts } = toldOf(embedded(), { parts: ['registry'] })
  expect(counts).toEqual({ opened: 0, closed: 0 })
  for (const { run } of tests.slice(0, 3)) await run()
  expect(counts).toEqual({ opened: 1, closed: 0 })
})

test('what is lacking is skipped, and the reason is in its name and said aloud', () => {
  const lacks = { ...NO_FAULTS, topics: 'it carries no messages', values: 'it carries no messages' }
  const { tests, said } = toldOf(embedded(), { lacks, parts: ['topics', 'values', 'elections'] })
  const skipped = tests.filter(({ skip }) => skip)
  expect(skipped.length).toBe(22)
  expect(skipped.every(({ name }) => name.endsWith('(skipped: it carries no messages)'))).toBe(true)
  expect(said.length).toBe(22)
  expect(said[0]).toBe('it: skipped: everybody is asked, and it is known who answered (it carries no messages)')
})

test('a fault that nobody knows how to bring about is no reason to pass', async () => {
  const { tests } = toldOf(embedded(), { lacks: {}, parts: ['faults'] })
  const crash = tests.find(({ name }) => name.startsWith('after a crash'))
  await expect(crash?.run()).rejects.toThrow('the subject brings no crashCoordinator(): bring it, or say in lacks')
})

test('every test has a name of its own', () => {
  const names = toldOf(embedded()).tests.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  expect(twice).toEqual(['bad input is refused with what is wrong'])
})

test('a contract that cannot be told is refused with what is wrong', () => {
  const whole = { name: 'it', guarantees: GUARANTEES, open: async () => expect.fail() }
  const runner = { describe: () => {}, test: () => {}, afterAll: () => {} }
  const refused = (given: object, says: string, by: object = runner) =>
    expect(() => backendContract(by as ContractRunner, { ...whole, ...given })).toThrow(
      expect.objectContaining({ code: 'CAUCUS_INVALID_ARGUMENT', message: expect.stringContaining(says) }),
    )
  refused({ name: '' }, 'needs the name')
  refused({ open: undefined }, 'needs open()')
  refused({ guarantees: undefined }, 'needs the guarantees')
  refused({ leaseMs: Number.NaN }, 'leaseMs of the contract is NaN')
  refused({ lacks: { topic: 'x' } }, 'lacks of the contract names "topic"; there are guarantees, groups,')
  refused({ lacks: { topics: '' } }, 'lacks.topics of the contract does not say why')
  refused({ parts: ['faults', 'all'] }, 'parts of the contract names "all"')
  refused({ part: [] }, 'an option of the contract names "part"')
  refused({}, 'needs afterAll() of a test runner', { ...runner, afterAll: undefined })
})

test('its assertions tell apart what a program would', async () => {
  same({ a: 1, b: undefined }, { a: 1 })
  like({ a: [{ b: 1, c: 2 }], d: 3 }, { a: [{ b: 1 }] })
  expect(() => same({ a: 1 }, { a: '1' })).toThrow()
  expect(() => same([1], [1, 2])).toThrow()
  expect(() => like({ a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 1 }] })).toThrow()
  expect(() => like({ a: undefined }, { a: 1 })).toThrow()
  await expect(fails(Promise.resolve(), 'anything')).rejects.toThrow('it resolved')
  await expect(fails(Promise.reject(new Error('this')), 'that')).rejects.toThrow('does not say that')
  await expect(eventually('rain', () => false, 0)).rejects.toThrow('in vain: rain')
})

test('node:test runs it as well', async () => {
  onTestFinished(endAll)
  const running = startNode(['--test', '--test-reporter=tap', 'test/contract/subjects/node-test.mjs'])
  await eventually('node --test to end', () => running.ended() !== undefined, 60_000)
  const { tests } = toldOf(embedded())
  const skipped = tests.filter(({ skip }) => skip).length
  expect([running.ended()?.code, running.stdout().match(/^# (pass|fail|skipped) .*/gm)]).toEqual([
    0,
    [`# pass ${tests.length - skipped}`, '# fail 0', `# skipped ${skipped}`],
  ])
})
