import type { Instant } from '../time.ts'
import { FirstStart, foundingIdOf, isOf, mayAdopt, storeOf, withStore } from './founding.ts'
import type { ElectionDesk, PeerAddress } from './io.ts'
import { isSender, messageFault } from './message-fault.ts'
import type { Founding, PeerMessage, RefusalReason, Sender, Term } from './messages.ts'
import { NOBODY } from './record.ts'
import { Rejoin, replacementFault } from './rejoin.ts'
import type { Voters } from './voters.ts'

type Of<Type extends PeerMessage['type']> = Extract<PeerMessage, { type: Type }>

/** Who belongs to this cluster, this voter included: first start, lost disk, and everybody who says what it is not. */
export class Standing {
  readonly #desk: ElectionDesk
  readonly #lastHeard = new Map<string, Instant>()
  #firstStart = new FirstStart()
  #rejoin: Rejoin | undefined

  constructor(desk: ElectionDesk) {
    this.#desk = desk
  }

  get #voters(): Voters {
    return this.#desk.voters
  }

  /** Whether this voter may vote, acknowledge and be elected at all. */
  get complete(): boolean {
    return !this.#desk.options.store || this.#desk.journal.record.complete
  }

  /** The latest term of which this voter knows. */
  get term(): Term {
    return this.#desk.journal.record.term
  }

  get rejoining(): boolean {
    return this.#rejoin !== undefined
  }

  get waitingFor(): readonly string[] {
    if (this.complete) return []
    const { ids } = this.#voters
    if (this.#desk.journal.record.founding !== undefined) return this.#firstStart.notAdopted(ids)
    return this.#rejoin?.missing(ids) ?? this.#firstStart.missing(ids)
  }

  /** Why nothing that it says counts here; `undefined` when it does. */
  faultOf(message: PeerMessage): RefusalReason | undefined {
    return messageFault(message) === undefined ? this.#faultOf(message.sender, message.type) : 'malformed'
  }

  /** The same of somebody who takes part in what rests on the election. */
  faultOfSender(sender: Sender): RefusalReason | undefined {
    return isSender(sender) ? this.#faultOf(sender, 'beat') : 'malformed'
  }

  #faultOf(sender: Sender, type: PeerMessage['type']): RefusalReason | undefined {
    const { cluster, id, store } = this.#desk.options
    if (sender.cluster !== cluster) return 'anotherCluster'
    if (sender.id === id) return 'ownId'
    if (!this.#voters.ids.includes(sender.id)) return type === 'observe' ? undefined : 'notAVoter'
    if (sender.voters !== this.#voters.identity) return 'otherVoters'
    if (!store || sender.storeId === '') return store || sender.storeId !== '' ? 'anotherStore' : undefined
    const { founding } = this.#desk.journal.record
    if (founding === undefined || ['new', 'rejoin', 'founding', 'observe', 'refused'].includes(type)) return undefined
    if (sender.founding !== foundingIdOf(founding)) return 'anotherFounding'
    return storeOf(founding.stores, sender.id) === sender.storeId ? undefined : 'anotherStore'
  }

  heard({ sender }: PeerMessage): void {
    const { founding } = this.#desk.journal.record
    if (founding === undefined || storeOf(founding.stores, sender.id) !== sender.storeId) return
    this.#lastHeard.set(sender.id, this.#desk.at.grantor)
  }

  /** Says again what it waits for. A first start and a lost disk look alike until somebody shows a founding. */
  announce(): void {
    const { journal, broadcast, options } = this.#desk
    const { base, founding, complete } = journal.record
    if (founding !== undefined) {
      this.#firstStart.sawAdopted(options.id)
      broadcast({ type: 'founding', founding, complete }, journal.after)
      this.#completeIf(this.#firstStart.everybodyAdopted(this.#voters.ids))
    } else if (this.#rejoin === undefined) {
      broadcast({ type: 'new', base }, journal.after)
      this.#found()
    } else {
      const commit = this.#rejoin.mayCommit(this.#voters.ids)
      broadcast({ type: 'rejoin', nonce: this.#rejoin.nonce, commit }, journal.after)
    }
  }

  /** Takes what is about membership; `true` when this voter takes part from now on. */
  take(from: PeerAddress, message: PeerMessage, sittingOut: boolean): boolean {
    const before = this.complete
    switch (message.type) {
      case 'new':
        this.#sawNew(from, message)
        break
      case 'founding':
        this.#shown(from, message)
        break
      case 'rejoin':
        this.#asked(from, message, sittingOut)
        break
      case 'admissible':
        this.#rejoin?.admissible(message.sender.id, message.nonce)
        break
      case 'rejoined':
        this.#answered(message)
    }
    return this.complete && !before
  }

  #sawNew(from: PeerAddress, { sender, base }: Of<'new'>): void {
    const { journal, send } = this.#desk
    const { founding, complete } = journal.record
    if (founding !== undefined) return send(from, { type: 'founding', founding, complete }, journal.after)
    this.#firstStart.sawNew(sender, base)
    this.#found()
  }

  /** Whoever has seen every voter new writes the founding. */
  #found(): void {
    const { journal, options, broadcast } = this.#desk
    if (journal.record.founding !== undefined || this.#rejoin !== undefined) return
    const { storeId, base } = journal.record
    this.#firstStart.sawNew({ id: options.id, storeId }, base)
    const founding = this.#firstStart.founding(this.#voters.ids)
    if (founding === undefined) return
    this.#adopt(founding)
    broadcast({ type: 'founding', founding, complete: false }, journal.after)
  }

  #adopt(founding: Founding): void {
    this.#rejoin = undefined
    this.#firstStart.sawAdopted(this.#desk.options.id)
    this.#desk.journal.change({ founding, complete: false })
    this.#completeIf(this.#firstStart.everybodyAdopted(this.#voters.ids))
  }

  #completeIf(everybody: boolean): void {
    const { journal, emit } = this.#desk
    const { founding, complete } = journal.record
    if (!everybody || complete || founding === undefined) return
    journal.change({ complete: true })
    emit({ type: 'cluster.founded', base: founding.base })
  }

  #shown(from: PeerAddress, { sender, founding, complete }: Of<'founding'>): void {
    const { journal, options, send } = this.#desk
    if (!isOf(founding, this.#voters.ids)) return
    const shown = foundingIdOf(founding)
    const own = journal.record
    // A founding that everybody adopted leaves no other one that everybody ever will, so what was adopted here is void.
    if (own.founding !== undefined && !own.complete && complete && foundingIdOf(own.founding) !== shown) {
      this.#firstStart = new FirstStart()
      journal.change({ founding: undefined })
    }
    if (journal.record.founding === undefined) {
      if (mayAdopt(founding, { id: options.id, storeId: own.storeId })) this.#adopt(founding)
      else this.#rejoin ??= new Rejoin(options.id, `${options.bootId}/${options.random.below(2 ** 32)}`)
    }
    const { founding: adopted, complete: done } = journal.record
    if (adopted === undefined) return
    if (done && !complete) send(from, { type: 'founding', founding: adopted, complete: true }, journal.after)
    if (foundingIdOf(adopted) !== shown) return
    if (storeOf(adopted.stores, sender.id) !== sender.storeId) return
    this.#firstStart.sawAdopted(sender.id)
    this.#completeIf(complete || this.#firstStart.everybodyAdopted(this.#voters.ids))
  }

  /** Somebody has lost its disk: its old store has no vote here from now on. */
  #asked(from: PeerAddress, { sender, nonce, commit }: Of<'rejoin'>, sittingOut: boolean): void {
    const { journal, at, options, send } = this.#desk
    const { founding, base, term, promiseMs } = journal.record
    // Two with empty disks: nobody is left who knows what they promised each other.
    if (founding === undefined) return send(from, { type: 'new', base }, journal.after)
    const heardAt = this.#lastHeard.get(sender.id) ?? Number.NEGATIVE_INFINITY
    const knownIsAlive = sittingOut || at.grantor < heardAt + options.timing.electionMaxMs
    const fault = replacementFault(founding, sender, knownIsAlive)
    if (fault !== undefined) return send(from, { type: 'refused', because: fault }, journal.after)
    if (!commit) return send(from, { type: 'admissible', nonce }, journal.after)
    const { id, storeId } = sender
    if (storeOf(founding.stores, id) !== storeId) {
      journal.change({ founding: withStore(founding, { id, storeId }) })
      this.#lastHeard.delete(id)
    }
    const kept = journal.record.founding ?? founding
    send(from, { type: 'rejoined', nonce, founding: kept, term, promiseMs }, journal.after)
  }

  #answered(message: Of<'rejoined'>): void {
    if (this.#rejoin === undefined || !isOf(message.founding, this.#voters.ids)) return
    const { journal, emit } = this.#desk
    this.#rejoin.answered(message)
    const restored = this.#rejoin.restored(this.#voters.ids, journal.record.storeId)
    if (restored === undefined) return
    this.#rejoin = undefined
    // In the highest term it may have voted already.
    journal.change({ ...restored, complete: true, vote: NOBODY, follows: undefined })
    emit({ type: 'voter.rejoined', term: restored.term, promiseMs: restored.promiseMs })
  }
}
