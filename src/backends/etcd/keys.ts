/**
 * Where everything lies under the prefix (docs/adr/0026-groups-on-etcd.md). Names are encoded so that none of them contains a slash.
 *
 * ```text
 * coordinator                             who coordinates; leased
 * foundation                              what a coordinator must find again
 * instance                                names this cluster, for ever
 * turn                                    the number of the coordinator's last write
 * sessions/GROUP/MEMBER/BOOT              what a member says; leased
 * shares/GROUP/MEMBER/BOOT                what it is answered
 * groups/GROUP/head                       the state of a group, for those whose share did not change
 * groups/GROUP/events                     what happened in it last
 * ```
 */
export class Keys {
  readonly coordinator: string
  readonly foundation: string
  readonly instance: string
  readonly turn: string
  readonly sessions: string
  readonly shares: string
  readonly groups: string

  constructor(readonly prefix: string) {
    this.coordinator = `${prefix}coordinator`
    this.foundation = `${prefix}foundation`
    this.instance = `${prefix}instance`
    this.turn = `${prefix}turn`
    this.sessions = `${prefix}sessions/`
    this.shares = `${prefix}shares/`
    this.groups = `${prefix}groups/`
  }

  session({ group, member, bootId }: Seat): string {
    return `${this.sessionsOf(group)}${encodeURIComponent(member)}/${encodeURIComponent(bootId)}`
  }

  share({ group, member, bootId }: Seat): string {
    return `${this.sharesOf(group)}${encodeURIComponent(member)}/${encodeURIComponent(bootId)}`
  }

  sessionsOf(group: string): string {
    return `${this.sessions}${encodeURIComponent(group)}/`
  }

  sharesOf(group: string): string {
    return `${this.shares}${encodeURIComponent(group)}/`
  }

  head(group: string): string {
    return `${this.groups}${encodeURIComponent(group)}/head`
  }

  events(group: string): string {
    return `${this.groups}${encodeURIComponent(group)}/events`
  }

  /** Whose session or share a key is; `undefined` for any other key. */
  seatOf(key: string): Seat | undefined {
    const start = [this.sessions, this.shares].find((each) => key.startsWith(each))
    if (start === undefined) return undefined
    const parts = key.slice(start.length).split('/')
    if (parts.length !== 3) return undefined
    try {
      const [group, member, bootId] = parts.map(decodeURIComponent) as [string, string, string]
      return { group, member, bootId }
    } catch {
      // Somebody else's key: none of ours is wrongly encoded.
      return undefined
    }
  }
}

/** One membership of one member. */
export interface Seat {
  readonly group: string
  readonly member: string
  readonly bootId: string
}
