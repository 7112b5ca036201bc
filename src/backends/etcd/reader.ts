import { type GroupView, type MemberView, memberView, sorted } from '../../core/group/view.ts'
import { compareIds } from '../../core/ids.ts'
import { instanceIn } from '../../core/registry/instance.ts'
import { groupOfService } from '../../core/registry/services.ts'
import { type ServiceCount, servicesIn } from '../../core/registry/view.ts'
import type { Present } from '../../ports/backend.ts'
import type { ServiceView } from '../../ports/registry.ts'
import { type Engine, type Entry, MAX_OPERATIONS } from './engine.ts'
import { BEFORE_ALL } from './events.ts'
import type { Keys } from './keys.ts'
import { eventsOf, headOf, sessionOf, shareOf } from './parsed.ts'
import type { HeadRecord, SessionRecord, ShareRecord } from './records.ts'

/** What one seat holds, as it lies there. */
interface Sitting {
  readonly session: SessionRecord
  readonly share: ShareRecord
}

/**
 * Groups and services as whoever asks finds them in etcd: a member is who has a session, and was answered for that. Nothing is kept, and nobody
 * has to coordinate.
 */
export class Reader {
  readonly #engine: Engine
  readonly #keys: Keys

  constructor(engine: Engine, keys: Keys) {
    this.#engine = engine
    this.#keys = keys
  }

  async groups(): Promise<readonly GroupView[]> {
    const byGroup = await this.#sittings(this.#keys.sessions, this.#keys.shares)
    const names = [...byGroup.keys()]
    const heads = await this.#heads(names)
    const views = names.flatMap((name) => viewOf(name, byGroup.get(name) ?? [], heads.get(name)) ?? [])
    return views.sort((a, b) => compareIds(a.name, b.name))
  }

  async group(name: string): Promise<GroupView | undefined> {
    const keys = this.#keys
    const byGroup = await this.#sittings(keys.sessionsOf(name), keys.sharesOf(name))
    const heads = await this.#heads([name])
    return viewOf(name, byGroup.get(name) ?? [], heads.get(name))
  }

  /** The revision is read first: what happens while the view is read is told once more, and not left out. */
  async present(group: string): Promise<Present> {
    const revision = await this.#revisionOf(group)
    return { view: await this.group(group), revision }
  }

  async services(): Promise<readonly ServiceCount[]> {
    return servicesIn(await this.groups())
  }

  async service(name: string): Promise<ServiceView> {
    const group = groupOfService(name)
    const { view, revision = BEFORE_ALL } = await this.present(group)
    const instances = (view?.members ?? []).flatMap((member) => instanceIn(member) ?? [])
    // Sessions lie in etcd, whoever coordinates: these are all.
    return { name, revision, instances: instances.sort((a, b) => compareIds(a.id, b.id)), incompleteForMs: 0 }
  }

  async #revisionOf(group: string): Promise<string | undefined> {
    const { found } = await this.#engine.transact({ then: [{ type: 'get', key: this.#keys.events(group) }] })
    const record = found[0] === undefined ? undefined : eventsOf(found[0].value)
    return record?.events.at(-1)?.revision
  }

  /** Shares after sessions: who has come in between is not there yet, and who has gone is not there any more. */
  async #sittings(sessions: string, shares: string): Promise<ReadonlyMap<string, readonly Sitting[]>> {
    const keys = this.#keys
    const there = new Map<string, Entry>()
    for (const entry of (await this.#engine.list(sessions)).entries) {
      const seat = keys.seatOf(entry.key)
      if (seat !== undefined) there.set(keys.share(seat), entry)
    }
    const byGroup = new Map<string, Sitting[]>()
    for (const entry of (await this.#engine.list(shares)).entries) {
      const seat = keys.seatOf(entry.key)
      const said = there.get(entry.key)
      const share = seat && shareOf(entry.value, seat)
      const session = said === undefined ? undefined : sessionOf(said.value)
      if (seat === undefined || share === undefined || session === undefined) continue
      if (share.session !== said?.createRevision || share.message.type !== 'share') continue
      const sittings = byGroup.get(seat.group)
      if (sittings === undefined) byGroup.set(seat.group, [{ session, share }])
      else sittings.push({ session, share })
    }
    return byGroup
  }

  async #heads(names: readonly string[]): Promise<ReadonlyMap<string, HeadRecord>> {
    const heads = new Map<string, HeadRecord>()
    for (let from = 0; from < names.length; from += MAX_OPERATIONS) {
      const some = names.slice(from, from + MAX_OPERATIONS)
      const then = some.map((name) => ({ type: 'get', key: this.#keys.head(name) }) as const)
      const { found } = await this.#engine.transact({ then })
      for (const [place, name] of some.entries()) {
        const head = found[place] === undefined ? undefined : headOf(found[place].value)
        if (head !== undefined) heads.set(name, head)
      }
    }
    return heads
  }
}

const viewOf = (name: string, sittings: readonly Sitting[], head: HeadRecord | undefined): GroupView | undefined => {
  const [newest] = sittings
    .map(({ share }) => share.message)
    .filter(isShare)
    .sort((a, b) => b.epoch - a.epoch)
  const known = head ?? newest
  if (newest === undefined || known === undefined) return undefined
  const { state, epoch, share } = known
  const members = new Map<string, MemberView>()
  for (const sitting of sittings) {
    const member = memberOf(sitting, share)
    // Whoever was followed by another process of its name is not the member any more.
    if (member !== undefined && member.incarnation > (members.get(member.id)?.incarnation ?? 0))
      members.set(member.id, member)
  }
  const kept = head?.kept ?? []
  return {
    name,
    state,
    epoch,
    total: members.size + kept.length,
    share,
    members: sorted([...members.values()]),
    ...(kept.length > 0 && { kept }),
  }
}

const memberOf = (
  { session, share: { message: answer } }: Sitting,
  share: HeadRecord['share'],
): MemberView | undefined => {
  if (!isShare(answer)) return undefined
  const said = session.message.type === 'renew' ? session.message : undefined
  return memberView(
    {
      id: answer.member,
      incarnation: answer.incarnation,
      metadata: said?.metadata,
      weight: said?.weight ?? 1,
      static: said?.static ?? false,
      drained: false,
    },
    { held: answer.holding, revoked: answer.revoked },
    share,
  )
}

const isShare = (message: ShareRecord['message']): message is Extract<ShareRecord['message'], { type: 'share' }> =>
  message.type === 'share'
