import type { GroupView, MemberView } from '../core/group/view.ts'
import { indexOf, partitionOf } from '../core/hash.ts'
import { systemClocks } from '../runtime/system-clock.ts'

/** What there is to know of a group: a `Group`. */
export interface RosterSource {
  /** Resolves with the group as its coordinator sees it; `undefined` when nobody is in it. */
  view(): Promise<GroupView | undefined>
}

/** Of whose group it is, and what tells that shares changed: a `Membership`. */
export interface ShareChanges {
  /** Yields something whenever shares change. */
  watch(): AsyncIterable<unknown>
}

/** How old a picture may be without any sign that it changed: what moves between two others is not told to everybody. */
const MAX_AGE_MS = 1_000
/** How soon it may be read again when it does not say who has a key: while that moves, each request would ask. */
const MIN_AGE_MS = 100

/**
 * Who has which key, by the roster of the group. A picture, read when somebody asks and none is fresh: whoever is sent there is checked there
 * again. While the coordinator cannot be reached, the last one has to do.
 */
export class Owners {
  readonly #group: RosterSource
  readonly #clock = systemClocks.grantor
  #picture: Picture | undefined
  #isOld = true
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(group: RosterSource, changes: ShareChanges) {
    this.#group = group
    void this.#follow(changes)
  }

  /** The picture was wrong about somebody. */
  doubt(): void {
    this.#isOld = true
  }

  /** Resolves with who has the key, or `undefined` while nobody does. Rejects only when the roster never could be read. */
  async of(key: string): Promise<MemberView | undefined> {
    const known = this.#picture?.ownerOf(key)
    const ageMs = this.#clock.now() - this.#readAt
    if (ageMs > (this.#isOld || known === undefined ? MIN_AGE_MS : MAX_AGE_MS)) {
      this.#reading ??= this.#read()
      await this.#reading
    }
    return this.#picture?.ownerOf(key)
  }

  async #read(): Promise<void> {
    this.#readAt = this.#clock.now()
    this.#isOld = false
    try {
      const view = await this.#group.view()
      this.#picture = view && new Picture(view)
    } catch (error) {
      if (this.#picture === undefined) {
        this.#readAt = Number.NEGATIVE_INFINITY
        throw error
      }
    } finally {
      this.#reading = undefined
    }
  }

  async #follow(changes: ShareChanges): Promise<void> {
    try {
      for await (const _share of changes.watch()) this.#isOld = true
    } catch {
      // Why the membership ended is told to whoever holds it; from here on the age of the picture decides.
    }
  }
}

/** A view, turned round: from what is held to who holds it. */
class Picture {
  readonly #ownerOf: (key: string) => MemberView | undefined

  constructor({ share, total, members }: GroupView) {
    const owners = new Map<number, MemberView>()
    for (const member of members) {
      for (const item of member.partitions ?? (member.index === undefined ? [] : [member.index])) {
        owners.set(item, member)
      }
    }
    this.#ownerOf =
      typeof share === 'object'
        ? (key) => owners.get(partitionOf(key, share.partitions))
        : (key) => (total > 0 ? owners.get(indexOf(key, total)) : undefined)
  }

  ownerOf(key: string): MemberView | undefined {
    return this.#ownerOf(key)
  }
}
