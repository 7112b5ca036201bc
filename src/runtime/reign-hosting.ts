import { CaucusError } from '../errors.ts'
import type { CoordinatorHosting, Guarantees } from '../ports/hosting.ts'

export interface ReignHostingOptions {
  readonly guarantees: Guarantees
  /** That of the present reign. */
  present(): CoordinatorHosting | undefined
  /** What the cluster is called, as far as it is known here. */
  instanceId(): string
}

/** Groups as a peer serves them: those of its present reign, and none while it does not lead. */
export class ReignHosting implements CoordinatorHosting {
  readonly guarantees: Guarantees
  readonly #options: ReignHostingOptions

  constructor(options: ReignHostingOptions) {
    this.#options = options
    this.guarantees = options.guarantees
  }

  get #present(): CoordinatorHosting {
    const present = this.#options.present()
    if (present !== undefined) return present
    throw new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead; ask whoever does')
  }

  attach(...args: Parameters<CoordinatorHosting['attach']>) {
    return this.#present.attach(...args)
  }

  async call(...args: Parameters<CoordinatorHosting['call']>) {
    return this.#present.call(...args)
  }

  poll(member: string) {
    return this.#present.poll(member)
  }

  pollerLeft(member: string) {
    return this.#present.pollerLeft(member)
  }

  evict(group: string, member: string) {
    return this.#present.evict(group, member)
  }

  async order(...args: Parameters<CoordinatorHosting['order']>) {
    return this.#present.order(...args)
  }

  view(): ReturnType<CoordinatorHosting['view']> {
    const instanceId = this.#options.instanceId()
    return this.#options.present()?.view() ?? { clusterId: instanceId, instanceId, generation: 1, groups: [] }
  }

  brief(): ReturnType<CoordinatorHosting['brief']> {
    const instanceId = this.#options.instanceId()
    return this.#options.present()?.brief() ?? { clusterId: instanceId, instanceId, generation: 1, groups: [] }
  }

  viewOf(group: string) {
    return this.#options.present()?.viewOf(group)
  }

  headOf(group: string) {
    return this.#options.present()?.headOf(group)
  }

  services() {
    return this.#options.present()?.services() ?? []
  }

  service(name: string) {
    return this.#present.service(name)
  }

  events(options: Parameters<CoordinatorHosting['events']>[0]) {
    return this.#present.events(options)
  }

  history(query: Parameters<CoordinatorHosting['history']>[0]) {
    return this.#present.history(query)
  }

  counters() {
    return this.#options.present()?.counters() ?? {}
  }

  /** A reign is its peer's to end. */
  async close(): Promise<void> {}
}
