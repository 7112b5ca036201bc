import type { Membership } from '../../client/membership.ts'
import type { Holding, ShareKind } from '../../core/group/messages.ts'
import type { Instant } from '../../core/time.ts'
import type { Backend, JoinRequest, MembershipListener, MembershipPort } from '../../ports/backend.ts'

/** What is told about a membership, beside what the SDK is told. */
export interface Witness {
  joined(watched: WatchedMembership): void
  granted(watched: WatchedMembership, items: readonly Holding[]): void
  lost(watched: WatchedMembership, items: readonly Holding[], because: string): void
  drains(watched: WatchedMembership, items: readonly Holding[]): void
  drained(watched: WatchedMembership, items: readonly Holding[]): void
  ended(watched: WatchedMembership, why: string | undefined): void
}

/** Something that is being let go, and the signal under which its handlers work on it. */
export interface RunningDrain {
  readonly holding: Holding
  signal: AbortSignal | undefined
}

/** One membership with both of its faces: what the program is told, and the lease behind it. */
export class WatchedMembership {
  readonly request: JoinRequest
  readonly port: MembershipPort
  readonly drains: RunningDrain[] = []
  /** Set as soon as the program has it. */
  membership: Membership | undefined

  constructor(request: JoinRequest, port: MembershipPort) {
    this.request = request
    this.port = port
  }

  get share(): ShareKind | undefined {
    return this.port.view().share
  }

  /** Until when what is held may be acted on, by the holder's clock. */
  get validUntil(): Instant {
    return this.port.view().validUntil
  }

  /** What the program is told at this instant that it may act on; of a membership that it joined by itself, what it would be told. */
  get told(): readonly Holding[] {
    const { membership, port } = this
    if (membership === undefined) return [...port.view().held.keys()].flatMap((item) => port.holds(item) ?? [])
    const { slot } = membership
    if (slot !== undefined) return [{ item: slot.index, of: slot.total, epoch: slot.epoch }]
    const { held } = port.view()
    return membership.partitions.map((item) => ({ item, epoch: membership.epoch(item) ?? held.get(item)?.epoch ?? 0 }))
  }
}

/** The same backend, except that a witness sees what passes between it and the SDK. Neither of them notices. */
export const watchedBackend = (backend: Backend, witness: Witness): Backend => ({
  clocks: backend.clocks,
  timing: backend.timing,
  ...(backend.topics !== undefined && { topics: backend.topics }),
  ...(backend.registry !== undefined && { registry: backend.registry }),
  get guarantees() {
    return backend.guarantees
  },
  newId: () => backend.newId(),
  groups: (options) => backend.groups(options),
  group: (name, options) => backend.group(name, options),
  present: (group, options) => backend.present(group, options),
  events: (options) => backend.events(options),
  linkEvents: (options) => backend.linkEvents(options),
  close: () => backend.close(),
  join: (request, listener) => join(backend, witness, request, listener),
})

const join = (backend: Backend, witness: Witness, request: JoinRequest, listener: MembershipListener) => {
  let watched: WatchedMembership | undefined
  const seen = (see: (watched: WatchedMembership) => void) => {
    if (watched !== undefined) see(watched)
  }
  const port = backend.join(request, {
    changed: () => listener.changed(),
    granted: (items) => {
      seen((it) => witness.granted(it, items))
      listener.granted(items)
    },
    drain: (items) => {
      seen((it) => {
        for (const holding of items) it.drains.push({ holding, signal: undefined })
        witness.drains(it, items)
      })
      listener.drain(items)
    },
    lost: (items, because) => {
      seen((it) => {
        forget(it, items)
        witness.lost(it, items, because)
      })
      listener.lost(items, because)
    },
    refused: (error) => listener.refused(error),
    ended: (error) => {
      seen((it) => {
        it.drains.length = 0
        witness.ended(it, error?.message)
      })
      listener.ended(error)
    },
  })
  watched = new WatchedMembership(request, {
    view: () => port.view(),
    holds: (item) => port.holds(item),
    now: () => port.now(),
    drainUntil: (holding) => port.drainUntil(holding),
    drained: (items) => {
      seen((it) => {
        forget(it, items)
        witness.drained(it, items)
      })
      port.drained(items)
    },
    setMetadata: (metadata) => port.setMetadata(metadata),
    setWeight: (weight) => port.setWeight(weight),
    leave: (options) => port.leave(options),
    close: () => port.close(),
  })
  witness.joined(watched)
  return watched.port
}

const forget = ({ drains }: WatchedMembership, items: readonly Holding[]): void => {
  for (const { item, epoch } of items) {
    const place = drains.findIndex(({ holding }) => holding.item === item && holding.epoch === epoch)
    if (place >= 0) drains.splice(place, 1)
  }
}
