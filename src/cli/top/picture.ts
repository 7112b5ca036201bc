import type { TopicView } from '../../core/dispatch/messages.ts'
import type { ServiceCount } from '../../core/registry/view.ts'
import { servicesIn } from '../../core/registry/view.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { PeersView } from '../../ports/peers.ts'
import { type Api, request } from '../api.ts'
import { readStatus, type Status } from '../groups.ts'
import { isLeader, type Leader } from '../leader.ts'
import { isObject, NOT_OURS } from '../one-group.ts'

/** What a server says about everything at one moment. */
export interface Picture extends Status {
  readonly services: readonly ServiceCount[]
  readonly topics: readonly TopicView[]
}

/** Asks servers, first the one that answered last. */
export class Asker {
  #api: Api

  constructor(api: Api) {
    this.#api = api
  }

  get api(): Api {
    return this.#api
  }

  /** The one that answered last, or that is asked first. */
  get server(): string {
    return this.#api.servers[0] ?? ''
  }

  async picture(signal: AbortSignal): Promise<Picture> {
    const status = readStatus(await this.#json('/v1/status', signal))
    const { topics } = (await this.#json('/v1/topics', signal)) as { topics?: unknown }
    if (!Array.isArray(topics) || !topics.every(isTopic)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
    return { ...status, services: servicesIn(status.groups), topics }
  }

  /** The voters as one of them sees them, and who leads. `undefined`: it is no cluster. */
  async peers(signal: AbortSignal): Promise<{ readonly view: PeersView; readonly leader?: Leader } | undefined> {
    try {
      const answer = await this.#json('/v1/peers', signal)
      if (!isPeers(answer)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
      const leader: unknown = 'leader' in answer ? answer.leader : undefined
      return { view: answer, ...(isLeader(leader) && { leader }) }
    } catch (error) {
      if (isCaucusError(error) && error.code === 'CAUCUS_NOT_FOUND') return undefined
      throw error
    }
  }

  async #json(path: string, signal: AbortSignal): Promise<object> {
    const response = await request(this.#api, path, { signal })
    const { servers } = this.#api
    const answered = servers.find((server) => response.url.startsWith(`${server}/`))
    if (answered !== undefined && answered !== servers[0]) {
      this.#api = { ...this.#api, servers: [answered, ...servers.filter((server) => server !== answered)] }
    }
    const answer: unknown = await response.json()
    if (!isObject(answer)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
    return answer
  }
}

const isTopic = (topic: unknown): topic is TopicView =>
  isObject(topic) &&
  'topic' in topic &&
  typeof topic.topic === 'string' &&
  'producers' in topic &&
  Array.isArray(topic.producers)

const isPeers = (answer: object): answer is PeersView =>
  'peers' in answer && Array.isArray(answer.peers) && 'identifier' in answer && 'quorum' in answer
