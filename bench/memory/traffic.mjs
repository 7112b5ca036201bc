import { setMaxListeners } from 'node:events'
import { get } from 'node:http'
import { connect as open } from 'node:net'
import { connect, remote } from '../../dist/index.js'
import { sleep } from '../support/figures.mjs'
import { openRaw, RawMember } from '../support/raw-link.mjs'
import { Asker, Crowd, HttpSession, PollSession } from './sessions.mjs'

const BEATS = 10
const CONNECTIONS = 8
const MEMBERSHIPS = 12
const READERS = 20
const PARTITIONS = { partitions: 64 }
/** Changes come for so long, then none do for as long, so that groups settle too. */
const BURST_MS = 20_000

/**
 * What a busy server sees, all at once: members over the SDK's link and over plain HTTP, clients of bloc's wire, readers of events (some of
 * whom stop reading), joins, leaves, crashes, groups that come and go, people who look, and nonsense.
 */
export class Traffic {
  #server
  #asker
  #ending = new AbortController()
  #caucuses = []
  #memberships = []
  #crowds = []
  #parts = []
  #made = 0
  counts = { joins: 0, leaves: 0, crashes: 0, readers: 0, groups: 0, nonsense: 0, looks: 0, rejections: 0 }

  constructor(server) {
    this.#server = server
    this.#asker = new Asker(server.port, 128)
    setMaxListeners(0, this.#ending.signal)
  }

  get asked() {
    return this.#asker.asked
  }

  get failures() {
    return this.#asker.failures
  }

  async start() {
    const own = { heartbeatMs: 1_000, stopMarginMs: 250 }
    for (let i = 0; i < CONNECTIONS; i++) {
      this.#caucuses.push(await connect(remote([this.#server.url], { timing: { ...own, leaseMs: 4_000 } })))
    }
    const joins = Array.from({ length: CONNECTIONS * MEMBERSHIPS }, (_, i) =>
      this.#join(this.#caucuses[i % CONNECTIONS]),
    )
    await Promise.all(joins)
    this.#crowds = [
      new Crowd(100, (n) => new HttpSession(this.#asker, 'http-shards', `h${n}`, PARTITIONS)),
      new Crowd(50, (n) => new HttpSession(this.#asker, 'http-places', `i${n}`, 'index')),
      new Crowd(100, (n) => new PollSession(this.#asker, `p${n}`)),
    ]
    this.#every(1_000 / BEATS, () => {
      for (const crowd of this.#crowds) crowd.beat(BEATS)
    })
    this.#every(500, () => this.#change())
    this.#every(1_000, () => this.#speakNonsense())
    this.#every(1_000, () => this.#visitGroup())
    this.#every(5_000, () => this.#look())
    for (let i = 0; i < READERS; i++) this.#parts.push(this.#keepReading(i))
  }

  /** So many groups with one member each that leaves at once, to fill what the server remembers of the past. */
  async fillHistory(groups) {
    for (let begun = 0; begun < groups; begun += 50) {
      await Promise.all(Array.from({ length: 50 }, () => this.#visitGroup()))
    }
  }

  #every(ms, act) {
    const timer = setInterval(act, ms)
    this.#ending.signal.addEventListener('abort', () => clearInterval(timer))
  }

  async #join(caucus) {
    const partitioned = this.#made++ % 2 === 0
    const group = caucus.group(partitioned ? 'shards' : 'places')
    this.#memberships.push(
      await group.join({ share: partitioned ? PARTITIONS : 'index', metadata: { version: '1.2.3' } }),
    )
    this.counts.joins++
  }

  #change() {
    if (Date.now() % (2 * BURST_MS) > BURST_MS) return
    for (const crowd of this.#crowds) if (Math.random() < 0.5) crowd.replace()
    const place = Math.floor(Math.random() * this.#memberships.length)
    const [gone] = this.#memberships.splice(place, 1)
    const caucus = this.#caucuses[this.#made % CONNECTIONS]
    if (gone !== undefined) this.#settleLater(gone.leave().then(() => this.counts.leaves++))
    this.#settleLater(this.#join(caucus))
    if (Math.random() < 0.2) this.#settleLater(this.#crash())
  }

  /** What fails in an hour of this is counted; that nothing is lost is what other trials are for. */
  #settleLater(work) {
    work.catch(() => this.counts.rejections++)
  }

  /** A member whose connection breaks without a word, and who never comes back. */
  async #crash() {
    const options = {
      port: this.#server.port,
      group: 'shards',
      member: `crash${this.counts.crashes++}`,
      share: PARTITIONS,
    }
    const member = await new RawMember(options).join()
    await sleep(300)
    member.drop()
  }

  async #visitGroup() {
    const visitor = new HttpSession(this.#asker, `g${this.counts.groups++}`, 'visitor', 'index')
    await visitor.renew()
    await visitor.leave()
  }

  #look() {
    this.counts.looks++
    for (const path of ['/metrics', '/v1/groups', '/v1/groups/shards', '/healthz', '/openapi.json']) {
      void this.#asker.ask('GET', path)
    }
  }

  #speakNonsense() {
    const count = this.counts.nonsense++
    void this.#asker.ask('PUT', `/v1/groups/x${count}/members/y`, { body: '{"bootId":' })
    void this.#asker.ask('GET', `/nowhere/${count}`)
    void this.#asker.ask('GET', '/index')
    const socket = open(this.#server.port, '127.0.0.1', () => socket.end(`NONSENSE ${count}\r\n\r\n`))
    socket.on('error', () => socket.destroy())
    socket.resume()
    const link = openRaw(this.#server.port, () => {}).then(({ say, socket: raw }) => {
      raw.on('error', () => raw.destroy())
      say(`no messages ${count}`)
    })
    this.#settleLater(link)
  }

  async #keepReading(number) {
    const groups = ['shards', 'places', 'http-shards', 'default']
    const { signal } = this.#ending
    while (!signal.aborted) {
      this.counts.readers++
      await this.#read(groups[number % groups.length], number % 4 === 0, 5_000 + Math.random() * 15_000)
    }
  }

  /** Reads events for a while; or stops reading, and leaves the server with what it has to say. */
  #read(group, stops, forMs) {
    return new Promise((resolve) => {
      const path = `/v1/groups/${group}/events`
      const reader = get({ host: '127.0.0.1', port: this.#server.port, path, agent: false }, (response) => {
        if (stops) response.pause()
        else response.resume()
        response.on('error', () => {
          // Ended by us or cut by the server: either is what is wanted here.
        })
      })
      reader.on('error', resolve)
      reader.on('close', resolve)
      const timer = setTimeout(() => reader.destroy(), forMs)
      const ended = () => reader.destroy()
      this.#ending.signal.addEventListener('abort', ended)
      reader.on('close', () => {
        clearTimeout(timer)
        this.#ending.signal.removeEventListener('abort', ended)
      })
    })
  }

  async stop() {
    this.#ending.abort()
    await Promise.all(this.#parts)
    await Promise.allSettled(this.#caucuses.map((caucus) => caucus.close()))
    this.#asker.close()
  }
}
