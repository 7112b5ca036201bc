import { Agent, request } from 'node:http'

/** Asks over kept-alive connections. Resolves with status and body; never rejects, since a run of an hour meets every error once. */
export class Asker {
  #port
  #agent
  failures = 0
  asked = 0

  constructor(port, maxSockets) {
    this.#port = port
    this.#agent = new Agent({ keepAlive: true, maxSockets })
  }

  ask(method, path, { headers = {}, body } = {}) {
    this.asked++
    return new Promise((resolve) => {
      const failed = () => {
        this.failures++
        resolve({ status: 0, text: '' })
      }
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers }
      const sent = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode, text }))
        response.on('error', failed)
      })
      sent.on('error', failed)
      sent.end(body)
    })
  }

  close() {
    this.#agent.destroy()
  }
}

/** A member that speaks plain HTTP: renews, acknowledges at once what is revoked, and takes its leave. */
export class HttpSession {
  #asker
  #path
  #bootId
  #share
  #sequence = 0
  #answer

  constructor(asker, group, id, share) {
    this.#asker = asker
    this.#path = `/v1/groups/${group}/members/${id}`
    this.#bootId = `boot-${id}`
    this.#share = share
  }

  async renew() {
    const { generation, incarnation, revoked = [] } = this.#answer ?? {}
    const known = incarnation === undefined ? {} : { generation, incarnation, order: this.#answer.order }
    const said = { bootId: this.#bootId, sequence: ++this.#sequence, share: this.#share, holding: this.#holding() }
    const body = JSON.stringify({ ...said, ...known, acknowledged: revoked })
    const { status, text } = await this.#asker.ask('PUT', this.#path, { body })
    if (status === 200) this.#answer = JSON.parse(text)
  }

  #holding() {
    const { index, total, epoch, partitions } = this.#answer ?? {}
    if (partitions !== undefined) return partitions.map(({ id, epoch: at }) => ({ item: id, epoch: at }))
    return index === undefined ? [] : [{ item: index, epoch, of: total }]
  }

  async leave() {
    const { incarnation } = this.#answer ?? {}
    if (incarnation === undefined) return
    const query = `incarnation=${incarnation}&bootId=${this.#bootId}&sequence=${++this.#sequence}`
    await this.#asker.ask('DELETE', `${this.#path}?${query}`)
  }
}

/** A client of bloc's wire. */
export class PollSession {
  #asker
  #headers

  constructor(asker, id) {
    this.#asker = asker
    this.#headers = { 'Bloc-Session-ID': id }
  }

  renew() {
    return this.#asker.ask('GET', '/index', { headers: this.#headers })
  }

  leave() {
    return this.#asker.ask('DELETE', '/session', { headers: this.#headers })
  }
}

/**
 * So many sessions that each renew once a second. Whoever goes is replaced by one with a new id, so that whatever the server
 * keeps for an id for ever shows.
 */
export class Crowd {
  #make
  #sessions = []
  #turn = 0
  made = 0

  constructor(size, make) {
    this.#make = make
    for (let i = 0; i < size; i++) this.#sessions.push(this.#next())
  }

  #next() {
    return this.#make(this.made++)
  }

  /** Renews the part of them whose turn it is, when it is called `times` a second. */
  beat(times) {
    const part = Math.ceil(this.#sessions.length / times)
    for (let i = 0; i < part; i++) void this.#sessions[this.#turn++ % this.#sessions.length].renew()
  }

  /** One of them goes, four times in five with a word. */
  replace() {
    const place = Math.floor(Math.random() * this.#sessions.length)
    const gone = this.#sessions[place]
    this.#sessions[place] = this.#next()
    if (Math.random() < 0.8) void gone.leave()
  }
}
