import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NATS } from '../../src/testing/servers/nats.ts'
import { POSTGRES } from '../../src/testing/servers/postgres.ts'
import { type Block, blocksIn, documents } from './support/documents/blocks.ts'
import { faultsOf, jsonIn, natsFaults, statementsOf } from './support/documents/data.ts'
import { closeDatabases, database, needsOf, Place } from './support/documents/place.ts'
import { Programs, type Sequel } from './support/documents/typescript.ts'
import { lackFor } from './support/needs.ts'
import { endAll } from './support/processes.ts'

// Every block of code of the README and the documents is run as somebody would who copied it, on the built package.

/** What some blocks only make, and what a reader does with it. */
const SEQUELS: readonly Sequel[] = [
  { having: 'const isLeft = async', then: 'await isLeft()' },
  {
    having: 'await sql.reserve()',
    then: `import { fenced } from 'caucus/sql'
      await fenced(client, { name: 'payouts', token: 7 }, (tx) => tx.query('UPDATE payouts SET booked_by = 7'))`,
  },
  // A module of handlers, which a worker loads.
  { having: 'export default ', then: `import handler from './program.js'\nawait handler({ sku: 'milk' }, { signal })` },
  { having: 'const handlers: Handlers', then: 'await simulate({ seed: 1, members: 3, handlers })' },
  {
    having: 'const app = express()',
    then: `await membership.settled()
      const answer = await fetch('http://localhost:3000/carts/17', { method: 'POST' })
      if (answer.status !== 200) throw new Error('it answers ' + answer.status)`,
  },
  {
    having: 'const app = fastify()',
    then: `await membership.settled()
      const answer = await fetch('http://localhost:3000/carts/17', { method: 'POST' })
      if (answer.status !== 200) throw new Error('it answers ' + answer.status)`,
  },
  {
    having: "process.once('SIGINT'",
    // As PM2 ends a worker; that the program comes to its own end is seen all the same.
    then: `await new Promise((ended) => {
        process.exit = ended
        process.kill(process.pid, 'SIGINT')
      })`,
  },
  {
    having: 'class CaucusModule',
    then: `const end = new CaucusEnd()
      Object.assign(end, { caucus: await CaucusModule.providers[0].useFactory() })
      await end.onApplicationShutdown()`,
  },
  {
    having: 'class Reports',
    // Shortly before a whole minute.
    then: `const [now, aheadMs] = [Date.now, 59_800 - (Date.now() % 60_000)]
      Date.now = () => now() + aheadMs
      const reports = new Reports()
      Object.assign(reports, { caucus })
      await reports.nightly()`,
  },
  {
    having: 'class SchedulesOfLeader',
    then: `import { started } from '@nestjs/schedule'
      const schedules = new SchedulesOfLeader()
      Object.assign(schedules, { caucus, registry: new SchedulerRegistry() })
      schedules.onApplicationBootstrap()
      await started
      await schedules.onApplicationShutdown()`,
  },
]

const blocks = [...documents()].flatMap(([file, text]) => blocksIn(file, text))
const programs = blocks.filter(({ language }) => language === 'ts' || language === 'js')

const home = mkdtempSync(join(tmpdir(), 'caucus-documents-'))
const placeOf = ({ where }: Block) => new Place(join(home, where.replaceAll(/\W/g, '-')))
afterAll(async () => {
  await endAll()
  await closeDatabases()
  rmSync(home, { recursive: true, force: true })
})

describe('the programs of the documents', () => {
  let compiled: Programs
  beforeAll(async () => {
    compiled = await Programs.compiled(home, programs, SEQUELS)
  })

  for (const block of programs) {
    const lack = lackFor(`the example at ${block.where}`, needsOf(block.code))
    test
      .skipIf(lack)
      .concurrent(`run to their last line, and print what they say: ${block.where}`, async ({ expect }) => {
        await using place = placeOf(block)
        await place.open(block.code)
        let ran = await compiled.run(block, place)
        // As such an error says: nothing was done, try again. On a busy machine a voter is not heard for a moment.
        for (let left = 3; left > 0 && /retriable: true,\s+definite: true/.test(ran.stderr); left--)
          ran = await compiled.run(block, place)
        const { code, late, stdout, stderr } = ran
        const said = stderr.replaceAll(/^mine\(\): skipped.*\n/gm, '')
        const missed = block.prints === undefined ? compiled.missed(block, place) : []
        expect({ stderr: said, missed, late }).toEqual({ stderr: '', missed: [], late: false })
        if (block.prints !== undefined) expect(stdout).toBe(block.prints)
        expect(code).toBe(0)
      })
  }
})

describe('the data of the documents', () => {
  const written = (wanted: (block: Block) => boolean) =>
    blocks.filter(wanted).map((block) => [block.where, block] as const)

  test.each(written(({ language }) => language === 'json'))(
    'is JSON, and sound where it is a configuration: %s',
    async (_, { code }) => {
      for (const value of jsonIn(code)) expect(await faultsOf(value, home)).toBe('')
    },
  )

  for (const block of blocks.filter(({ language }) => language === 'sql')) {
    const lack = lackFor(`the statements at ${block.where}`, [POSTGRES])
    test.skipIf(lack)(`is what PostgreSQL takes: ${block.where}`, async () => {
      const client = new Client({ connectionString: await database() })
      await client.connect()
      await client.query(statementsOf(block.code))
      await client.end()
    })
  }

  for (const block of blocks.filter(
    ({ language, code }) => language === 'text' && code.startsWith('authorization {'),
  )) {
    const lack = lackFor(`the configuration at ${block.where}`, [NATS])
    test.skipIf(lack)(`is what nats-server takes: ${block.where}`, async () => {
      expect(await natsFaults(block.code, home)).toBe('')
    })
  }

  test('is of no other language: nothing is left that nobody runs or reads', () => {
    const others = blocks.filter(({ language }) => !/^(ts|js|sh|json|sql|text)$/.test(language))
    expect(others.map(({ where, language }) => `${where} ${language}`)).toEqual([])
    // Pictures and what is printed; commands and programs are no text.
    const commands = blocks.filter(
      ({ language, code }) => language === 'text' && /^(npm|npx|caucus|node|curl|docker) /m.test(code),
    )
    expect(commands.map(({ where }) => where)).toEqual([])
  })
})
