import type { MemberEffect } from '../../core/group/member.ts'
import type { ShareMessage } from '../../core/group/messages.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import { grantMs } from '../../core/lease.ts'
import type { Instant } from '../../core/time.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import { STRANGER } from './ledger.ts'
import type { MemberProcess } from './member-process.ts'
import { must } from './violation.ts'

/** What one run of the coordinator has said about who somebody is. */
interface Said {
  readonly run: number
  /** Which process has which incarnation. */
  readonly processes: Map<string, string>
  /** Left, fenced or evicted processes, and until when they must not be taken for members again. */
  readonly gone: Map<string, Instant>
  /** The incarnation that was fenced last, by member. */
  readonly fenced: Map<string, number>
}

/** Who is who: a newer process takes the place of an older one, never the other way round, and nobody's for no reason. */
export class Identities {
  readonly #bench: Bench
  readonly #started = new Map<string, number>()
  readonly #evicted = new Set<string>()
  #said: Said = { run: 0, processes: new Map(), gone: new Map(), fenced: new Map() }

  constructor(bench: Bench) {
    this.#bench = bench
  }

  started({ group, id }: MemberProcess): void {
    const key = `${group}/${id}`
    this.#started.set(key, (this.#started.get(key) ?? 0) + 1)
  }

  evicted(group: string, member: string): void {
    this.#evicted.add(`${group}/${member}`)
  }

  memberDid({ group, id, bootId }: MemberProcess, effect: MemberEffect): void {
    if (effect.type !== 'refused' || effect.refusal.code !== 'CAUCUS_FENCED') return
    const key = `${group}/${id}`
    // Without its incarnation a newer process cannot be told from an older one, and the careful answer is no.
    const hasReason =
      (this.#started.get(key) ?? 0) > 1 || this.#evicted.has(key) || this.#bench.conditions.faults.has('olderPackets')
    must(hasReason, 'G5', () => `${bootId} was fenced, and nobody else ever took part as ${id}`)
  }

  coordinatorAnswers(coordinator: CoordinatorProcess, message: ShareMessage): void {
    const { group, member, bootId, incarnation } = message
    const said = this.#of(coordinator)
    said.processes.set(`${group}/${member}/${incarnation}`, bootId)
    const until = said.gone.get(`${group}/${member}/${bootId}`)
    const now = coordinator.read()
    must(
      until === undefined || until <= now,
      'Order',
      () => `${bootId} is a member again, though it went until ${until}`,
    )
  }

  coordinatorSaid(coordinator: CoordinatorProcess, group: string, event: GroupEvent, leaseMs: number): void {
    const said = this.#of(coordinator)
    if (event.type === 'member.joined') {
      const fenced = said.fenced.get(`${group}/${event.member}`)
      said.fenced.delete(`${group}/${event.member}`)
      const { incarnation, member } = event
      must(
        fenced === undefined || incarnation > fenced || (incarnation === fenced && this.#mayRepeat(member)),
        'Order',
        () => `${member} of ${group} with the incarnation ${incarnation} fenced a newer one, ${fenced}`,
      )
    }
    if (event.type !== 'member.left') return
    const { member, incarnation, because } = event
    if (because === 'fenced') said.fenced.set(`${group}/${member}`, incarnation)
    const bootId = said.processes.get(`${group}/${member}/${incarnation}`)
    if (bootId !== undefined) said.gone.set(`${group}/${member}/${bootId}`, coordinator.read() + grantMs(leaseMs))
  }

  /** Without a store two starts within a second have one generation, and their numbers repeat; made-up numbers may do so anyhow. */
  #mayRepeat(member: string): boolean {
    return !this.#bench.conditions.hasStore || member.startsWith(STRANGER)
  }

  #of({ run }: CoordinatorProcess): Said {
    if (this.#said.run !== run) this.#said = { run, processes: new Map(), gone: new Map(), fenced: new Map() }
    return this.#said
  }
}
