// Records what an SDK and a server of one version say to each other, as the older peers that `rolling.test.ts` replays.
// In a checkout of that version, built: `node test/contract/recorded/record.mjs FOLDER`. Writes FOLDER/*.ndjson and FOLDER/schemas.json.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, remote, timing } from 'caucus'
import { fileStore, hostCoordinator, listen, systemClocks } from 'caucus/server'
import { WebSocket, WebSocketServer } from 'ws'

const folder = process.argv[2]
if (folder === undefined) throw new Error('say into which folder to record')
const root = fileURLToPath(new URL('../../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const commit =
  process.env.COMMIT ?? execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root }).toString().trim()
mkdirSync(folder, { recursive: true })

const serve = async (directory, { port = 0, fresh = true } = {}) => {
  const hosting = await hostCoordinator({
    clock: systemClocks.grantor,
    wallMs: Date.now,
    store: await fileStore(directory),
    clusterId: 'cluster-1',
    defaults: timing.local,
    fresh,
    limits: { groups: 10, membersPerGroup: 10 },
    onFault: (error) => {
      throw error
    },
  })
  const server = await listen({ hosting, port, version })
  return {
    port: server.port,
    url: server.url,
    stop: async () => {
      await server.close({ drain: false })
      await hosting.close()
    },
  }
}

/** Stands between a member and the server, and writes down what either says. */
class Recorder {
  lines = []
  #began = performance.now()
  #http = createServer((asked, answer) => {
    const { method, url, headers } = asked
    const sent = request({ port: this.port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode, response.headers)
      response.pipe(answer)
    })
    sent.on('error', () => answer.destroy())
    asked.pipe(sent)
  })
  #links = new WebSocketServer({ noServer: true })

  constructor(port) {
    this.port = port
    this.#http.on('upgrade', (asked, socket, head) => this.#link(asked, socket, head))
  }

  async listen() {
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    return `http://127.0.0.1:${this.#http.address().port}`
  }

  write(line) {
    this.lines.push({ at: Math.round(performance.now() - this.#began), ...line })
  }

  #link(asked, socket, head) {
    const offered = (asked.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
    const far = new WebSocket(`ws://127.0.0.1:${this.port}${asked.url}`, offered)
    far.on('error', () => socket.destroy())
    const early = []
    far.on('message', (data) => early.push(String(data)))
    far.on('open', () => {
      this.#links.handleUpgrade(asked, socket, head, (near) => {
        this.write({ link: 'opened', path: asked.url, offered, chosen: far.protocol })
        const down = (text) => {
          this.write({ from: 'server', frame: JSON.parse(text) })
          near.send(text)
        }
        far.removeAllListeners('message')
        far.on('message', (data) => down(String(data)))
        for (const text of early.splice(0)) down(text)
        near.on('message', (data) => {
          this.write({ from: 'member', frame: JSON.parse(String(data)) })
          far.send(String(data))
        })
        near.on('close', () => far.close())
        far.on('close', () => {
          this.write({ link: 'closed' })
          near.close()
        })
      })
    })
  }

  close() {
    this.#http.close()
    this.#http.closeAllConnections()
  }

  save(name, about) {
    const first = { about, recorded: `caucus ${version}`, commit, how: 'node test/contract/recorded/record.mjs FOLDER' }
    writeFileSync(join(folder, name), `${[first, ...this.lines].map((line) => JSON.stringify(line)).join('\n')}\n`)
    console.log(`${name}: ${this.lines.length} lines`)
  }
}

const seen = async (membership, matches) => {
  for await (const share of membership.watch({ signal: AbortSignal.timeout(10_000) })) if (matches(share)) return
  throw new Error('the membership ended first')
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const record = async (name, about, play) => {
  const directory = mkdtempSync(join(tmpdir(), 'caucus-record-'))
  let server = await serve(directory)
  const recorder = new Recorder(server.port)
  const url = await recorder.listen()
  const options = { timing: timing.local }
  const caucus = await connect(remote(url, options))
  const others = await connect(remote(server.url, options))
  const restart = async () => {
    recorder.write({ stage: 'the server is restarted' })
    await server.stop()
    server = await serve(directory, { port: server.port, fresh: false })
  }
  await play({ caucus, others, stage: (stage) => recorder.write({ stage }), restart })
  await caucus.close()
  await pause(100)
  recorder.save(name, about)
  await others.close()
  recorder.close()
  await server.stop()
  rmSync(directory, { recursive: true })
}

await record(
  'index.ndjson',
  'a member of a group of indexes, alone, then with another, then alone again',
  async (on) => {
    const a = await on.caucus.group('g').join({ id: 'a', metadata: { zone: 'x' } })
    await seen(a, ({ slot }) => slot?.total === 1)
    await pause(500)
    on.stage('b joins')
    const b = await on.others.group('g').join({ id: 'b' })
    await seen(a, ({ slot }) => slot?.total === 2)
    await pause(300)
    on.stage('b leaves')
    await b.leave()
    await seen(a, ({ slot }) => slot?.total === 1)
    await pause(300)
    await a.leave()
  },
)

await record(
  'partitions.ndjson',
  'a member of a group of partitions that drains, over a restart of the server',
  async (on) => {
    const share = { partitions: 8 }
    const a = await on.caucus.group('p').join({ id: 'a', share, metadata: { load: 1 } })
    a.onRevoke(() => pause(250))
    await seen(a, ({ partitions }) => partitions.length === 8)
    on.stage('b joins')
    const b = await on.others.group('p').join({ id: 'b', share })
    await seen(b, ({ partitions }) => partitions.length === 4)
    a.setMetadata({ load: 2 })
    await pause(300)
    await on.restart()
    await pause(800)
    if (a.partitions.length !== 4) throw new Error('it lost its share')
    on.stage('b leaves')
    await b.leave()
    await seen(a, ({ partitions }) => partitions.length === 8)
    on.stage('another takes the id')
    await on.others.group('p').join({ id: 'a', share })
    while (a.state !== 'fenced') await pause(20)
  },
)

await record('refused.ndjson', 'a member that expects another share than the group has', async (on) => {
  on.stage('b joins')
  await on.others.group('p').join({ id: 'b', share: { partitions: 8 } })
  await on.caucus
    .group('p')
    .join({ id: 'a', share: 'index' })
    .catch(() => undefined)
})

/** Plain HTTP: `{name}` in a path or a body stands for that field of the last renewal's answer, then as at every replay. */
const EXCHANGES = [
  ['GET', '/healthz'],
  ['PUT', '/v1/groups/h/members/a', '{"bootId":"b","sequence":1,"share":{"partitions":2},"metadata":{"zone":"x"}}'],
  ['PUT', '/v1/groups/h/members/a', '{"bootId":"b","sequence":1}'],
  ['PUT', '/v1/groups/h/members/a', '{"bootId":"b"}'],
  ['PUT', '/v1/groups/h/members/b', '{"bootId":"c","sequence":1,"share":"index"}'],
  ['wait', 'until the group has settled'],
  [
    'PUT',
    '/v1/groups/h/members/a',
    '{"bootId":"b","sequence":2,"generation":{generation},"incarnation":{incarnation},"order":1}',
  ],
  ['GET', '/v1/groups'],
  ['GET', '/v1/groups/h'],
  ['GET', '/v1/groups/h/members/a'],
  ['GET', '/v1/groups/h/members/none'],
  ['GET', '/v1/status'],
  ['GET', '/v1/link'],
  ['POST', '/v1/groups'],
  ['GET', '/v1/none'],
  ['DELETE', '/v1/groups/h/members/a?force'],
  ['DELETE', '/v1/groups/h/members/a?incarnation={incarnation}&bootId=b&sequence=3'],
  ['DELETE', '/v1/groups/h/members/a'],
]

const http = await serve(mkdtempSync(join(tmpdir(), 'caucus-record-')))
const exchanges = []
let last = {}
for (const [method, asked, said] of EXCHANGES) {
  if (method === 'wait') {
    await pause(500)
    exchanges.push({ wait: asked })
    continue
  }
  const filled = (text) => text?.replaceAll(/\{(\w+)\}/g, (_all, name) => String(last[name]))
  const body = filled(said)
  const answer = await fetch(`${http.url}${filled(asked)}`, { method, ...(body !== undefined && { body }) })
  const json = await answer.json()
  if (method === 'PUT' && answer.ok) last = json
  exchanges.push({ method, path: asked, body: said, status: answer.status, answer: json })
}
const metrics = await (await fetch(`${http.url}/metrics`)).text()
await http.stop()
writeFileSync(join(folder, 'http.json'), `${JSON.stringify(exchanges, undefined, 1)}\n`)

const doors = {
  caucus: await import('caucus'),
  'caucus/server': await import('caucus/server'),
  'caucus/compat': await import('caucus/compat'),
}
const names = {
  exports: Object.fromEntries(Object.entries(doors).map(([door, exported]) => [door, Object.keys(exported).sort()])),
  errors: doors.caucus.ERROR_CODES,
  metrics: [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`).sort(),
}
writeFileSync(join(folder, 'names.json'), `${JSON.stringify(names, undefined, 1)}\n`)

const { Hello, Leave, Left, Refused, Renew, ShareMessage } = await import(join(root, 'dist/wire/schemas.js'))
const schemas = { renew: Renew, leave: Leave, hello: Hello, share: ShareMessage, refused: Refused, left: Left }
writeFileSync(join(folder, 'schemas.json'), `${JSON.stringify(schemas)}\n`)
