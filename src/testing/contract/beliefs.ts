import assert from 'node:assert/strict'
import type { Membership } from '../../index.ts'
import { above, ownedByOne, seen } from './assertions.ts'

export const SHARE = { partitions: 6 }

/** They share it evenly, and nothing is nobody's. */
export const whole = async (members: readonly Membership[]): Promise<void> => {
  const each = SHARE.partitions / members.length
  await Promise.all(members.map((member) => seen(member, ({ partitions }) => partitions.length === each)))
  ownedByOne(members)
}

export const highest = (members: readonly Membership[]): number =>
  Math.max(...members.flatMap((member) => member.partitions.map((each) => member.epoch(each) ?? 0)))

/**
 * Looks again and again, until it is told to stop, whether two of them believe to have one partition. All checks of one look are made at
 * one instant, since nothing else runs in between.
 */
export const watchBeliefs = (members: readonly Membership[]): { readonly stop: () => void } => {
  let looks = 0
  let broken: string | undefined
  const look = () => {
    looks++
    const owners = new Map<number, string>()
    for (const { id, partitions } of members) {
      for (const partition of partitions) {
        const owner = owners.get(partition)
        if (owner !== undefined) broken ??= `${owner} and ${id} both believed to have partition ${partition}`
        owners.set(partition, id)
      }
    }
  }
  const timer = setInterval(look, 1)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      assert.equal(broken, undefined, `seen in ${looks} looks`)
    },
  }
}

/** What a membership lost without being asked for it, as it comes. */
export const losses = (membership: Membership): readonly string[] => {
  const lost: string[] = []
  const read = async () => {
    for await (const event of membership.events()) {
      if (event.type === 'share.lost') lost.push(`${membership.id} lost ${event.partitions.length}: ${event.because}`)
      if (event.type === 'gap') lost.push(`what ${membership.id} lost is not known any more`)
    }
  }
  // A membership that ends otherwise than by leaving has lost it all.
  read().catch((error: unknown) => lost.push(`${membership.id}: ${String(error)}`))
  return lost
}

/** The highest epoch of each partition that was ever seen, which only rises from holder to holder. */
export class Fences {
  readonly #highest = new Map<number, { readonly epoch: number; readonly who: string }>()

  /** `who`: one for each membership, also of one name. */
  look(who: string, member: Membership): void {
    for (const partition of member.partitions) {
      const epoch = member.epoch(partition) ?? 0
      const before = this.#highest.get(partition)
      if (before?.who === who) assert.ok(epoch >= before.epoch, `the epoch of partition ${partition} fell`)
      else above(epoch, before?.epoch ?? 0, `the epoch at which ${who} has partition ${partition}`)
      this.#highest.set(partition, { epoch, who })
    }
  }
}
