// What a reader of the documents has around the examples: documented.d.ts says its types, this makes it. Loaded before a block
// (node --import). Only what the block names is made.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { isMainThread } from 'node:worker_threads'

const { DOCUMENT_BLOCK, DOCUMENT_REACHED, DOCUMENT_DEMANDED, DOCUMENT_ENDS } = process.env
const source = readFileSync(DOCUMENT_BLOCK, 'utf8').replaceAll(/(?<!:)\/\/.*/g, '')
/** A program that says what it prints has everything that it needs, and ends by itself. So has one that a test runner runs. */
const isWhole = DOCUMENT_ENDS === 'by itself'
/** As a word of the block that is not a property, and that it does not declare itself. */
const names = (name) =>
  !isWhole &&
  new RegExp(`(?<![\\w$.'"/-])${name}(?![\\w$'"])`).test(source) &&
  !new RegExp(`\\b(const|using|let|function|class) ${name}\\b|import [^'"\\n]*\\b${name}\\b`).test(source)

const waiting = new Set(DOCUMENT_DEMANDED.split(',').filter(Boolean))
/** Long enough for a program that ends by itself to do so; one that goes on for ever is ended. */
const COURTESY_MS = 300
let ending = false
const tell = (marker) => {
  appendFileSync(DOCUMENT_REACHED, `${marker}\n`)
  waiting.delete(marker)
  if (waiting.size > 0 || ending || isWhole) return
  ending = true
  setTimeout(() => process.exit(0), COURTESY_MS).unref()
}
const told = new Set()
globalThis.reached = (marker) => {
  if (told.has(marker)) return
  told.add(marker)
  tell(String(marker))
}
/** What waits for something that does not come has nothing that keeps it alive: it goes on, all the same. */
const waits = isWhole ? undefined : setInterval(() => undefined, 60_000)
globalThis.ended = () => {
  clearInterval(waits)
  tell('end')
}

const make = async (wanted) => {
  for (const [name, value] of Object.entries(wanted)) if (names(name)) globalThis[name] = await value()
}
const caucus = () => import('caucus')
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** How often somebody's own functions were called: there is work until some of it has been done. */
let done = 0
const work = async () => {
  done += 1
}
const jobs = async function* () {
  for (let n = 0; done < 3; n++) {
    yield { key: `customer-${n}` }
    await pause(10)
  }
}

/** One voter by itself, which leads. */
const leadingAlone = async () => {
  const { peer } = await caucus()
  const cluster = await peer({
    identifier: 'web_1',
    listen_host: '127.0.0.1',
    listen_port: await freePort(),
    peers: [],
  })
  for await (const leader of cluster.watch()) if (leader !== undefined) return cluster
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const at = (identifier, port) => ({ identifier, host: '127.0.0.1', port })

/** The other voters that a block names, each a peer of this process. The one of the block leads, and then one of the others. */
const others = async (self, listed, shown = {}) => {
  const { peer } = await caucus()
  const everybody = self === undefined ? listed : [self, ...listed]
  return Promise.all(
    listed.map(({ identifier, port }) =>
      peer({
        identifier,
        listen_host: '127.0.0.1',
        listen_port: port,
        peers: everybody.filter((other) => other.identifier !== identifier),
        // All voters of a cluster have a directory, or none has.
        ...shown,
        ...(/dataDir/.test(source) && { dataDir: `./voters/${identifier}` }),
      }),
    ),
  )
}

/** Has the one named lead, whoever leads, as soon as it can. */
const haveLead = async (clusters, identifier) => {
  for (;;) {
    const leading = clusters.find(({ isLeader }) => isLeader)
    const moved = await leading?.transfer(identifier).then(
      () => true,
      // It was not heard yet, or another one was elected meanwhile: asked again.
      () => false,
    )
    if (moved) return
    await pause(100)
  }
}

const threeVoters = async () => {
  const [own, second, third] = [await freePort(), await freePort(), await freePort()]
  const listed = [at('web_2', second), at('web_3', third)]
  const clusters = await others(at('web_1', own), listed)
  const known = { identifier: 'web_1', listen_host: '127.0.0.1', listen_port: own, peers: listed, dataDir: './data' }
  void haveLead(clusters, 'web_1')
  return known
}

const TOKEN = 'shown-among-voters'
const NOBODY = new AbortController().signal
const replies = { cents: 119 }

/** A handler of requests, and one request for it. */
const app = () => {
  const serve = (handler) => {
    const server = createServer((request, response) => handler(request, response, () => response.end('here')))
    server.listen(0, '127.0.0.1', async () => {
      const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
      if (response.status !== 200) throw new Error(`the leader answered ${response.status}`)
      server.close()
    })
  }
  return { use: serve, addHook: (_name, handler) => serve(handler) }
}

const database = async () => {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: process.env.DOCUMENT_DATABASE, allowExitOnIdle: true })
  const { fenceTable } = await import('caucus/sql')
  await pool.query(`${/fenceTable\(\)/.test(source) ? '' : `${fenceTable()};`}
    CREATE TABLE payouts (id int, cents int, booked_by bigint); INSERT INTO payouts VALUES (1, 119);
    CREATE TABLE accounts (id int, balance int, token bigint); INSERT INTO accounts VALUES (7, 0, 0);
    CREATE TABLE jobs (key text, done_by bigint)`)
  const connect = pool.connect.bind(pool)
  pool.connect = (...given) => {
    done += 1
    return connect(...given)
  }
  return pool
}

/** As the client \`postgres\` is, over the other one. */
const postgres = async () => {
  const pool = await database()
  return {
    reserve: async () => {
      const client = await pool.connect()
      const unsafe = async (text, values) => {
        const { rows, rowCount, command } = await client.query(text, values)
        return Object.assign(rows, { count: rowCount, command })
      }
      return { unsafe }
    },
  }
}

const schema = (check) => ({
  '~standard': {
    version: 1,
    vendor: 'documents',
    validate: (value) => (check(value) ? { value } : { issues: [{ message: 'it does not fit' }] }),
  },
})

const vitest = async () => {
  const { use, expect } = await import('chai')
  const { JestChaiExpect } = await import('@vitest/expect')
  use(JestChaiExpect)
  return expect
}

if (isMainThread) {
  const known = names('listen_port') || names('dataDir') ? await threeVoters() : {}
  for (const [name, value] of Object.entries(known)) globalThis[name] = value

  // Voters that the block lists in so many words, beside itself; and those that it finds by a list of seeds.
  const listed = [...source.matchAll(/host: '([^']+)', port: (\d+), identifier: '(\w+)'/g)]
  if (listed.length > 0 && /await peer\(/.test(source)) {
    const own = Number(/listen_port: (\d+)/.exec(source)?.[1])
    const self = { identifier: /identifier: '(\w+)'/.exec(source)?.[1], host: 'localhost', port: own }
    const voters = listed.map(([, host, port, identifier]) => ({ identifier, host, port: Number(port) }))
    void haveLead(await others(self, voters), self.identifier)
  }
  const seeds = /'file:([^']+)'/.exec(source)?.[1]
  if (seeds !== undefined) {
    const voters = [at('server_a', await freePort()), at('server_b', await freePort())]
    await others(undefined, voters, { token: TOKEN })
    writeFileSync(seeds, voters.map(({ host, port }) => `${host}:${port}\n`).join(''))
  }
}

await make({
  caucus: async () => (await caucus()).connect((await caucus()).embedded()),
  before: async () => (await caucus()).connect((await caucus()).embedded()),
  after: async () => (await caucus()).connect((await caucus()).embedded()),
  cluster: () => leadingAlone(),
  connect: async () => (await caucus()).connect,
  embedded: async () => (await caucus()).embedded,
  remote: async () => (await caucus()).remote,
  partitionOf: async () => (await caucus()).partitionOf,
  simulate: async () => (await import('caucus/testing')).simulate,
  handlers: () => () => ({ run: async () => undefined }),
  createReadStream: () => () => Readable.from([Buffer.from('a line of the log')]),
  readFileSync: () => readFileSync,
  signal: () => NOBODY,
  id: () => '17',
  userId: () => 'user-42',
  token: () => TOKEN,
  url: () => process.env.DOCUMENT_SERVER,
  file: async () => {
    writeFileSync(
      'cluster.json',
      JSON.stringify({ identifier: 'a', listen_host: '127.0.0.1', listen_port: await freePort(), peers: [] }),
    )
    return 'cluster.json'
  },
  app,
  jobs: () => jobs(),
  finishWhatHasBegun: () => work,
  handle: () => work,
  runJobs: () => work,
  startWork: () => work,
  due: () =>
    async function* () {
      yield 'a job'
    },
  run: () => work,
  migrate: () => work,
  settle: () => async (id) => `${id} is settled`,
  lookUp: () => async () => replies,
  at: () => new Date(Date.now() + 100),
  nextRuns: () => () => ({ next: (after) => new Date((after?.getTime() ?? Date.now()) + 100) }),
  assign: () => work,
  send: () => work,
  report: () => async (instant) => `the report of ${instant}`,
  show: () => work,
  test: () => (_name, body) => body(),
  expect: vitest,
  z: () => ({
    string: () => schema((value) => typeof value === 'string'),
    number: () => schema((value) => typeof value === 'number'),
    object: () => schema((value) => typeof value === 'object'),
  }),
  pool: database,
  sql: postgres,
  tenure: async () => {
    const { connect, embedded } = await caucus()
    return (await connect(embedded())).election('payouts').campaign()
  },
  scheduleAnotherTry: () => work,
  write: () => work,
  work: () => work,
  // Of the examples in JavaScript.
  paths: () => (sku) => [sku],
  add: () => work,
  cents: () => 119,
  cron: () => ({ schedule: (_pattern, body) => body() }),
  consumer: () => ({ run: ({ eachMessage }) => eachMessage({ partition: 0, message: 'hello' }) }),
  redlock: () => ({ using: (_names, _ms, routine) => routine(NOBODY) }),
})
