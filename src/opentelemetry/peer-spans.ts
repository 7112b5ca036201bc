import { type Attributes, ROOT_CONTEXT, type Span, type Tracer } from '@opentelemetry/api'
import type { PeerHappened, PeerTrace, TracedPeer } from '../ports/tracing.ts'
import { fail } from './status.ts'

/** Of a cluster that elects nobody for long: more candidacies than these are not told. */
const MAX_EVENTS = 100

/** What one peer sees of its cluster: a span for each time without a leader, and one for each of its own reigns. */
export class PeerSpans implements PeerTrace {
  readonly #tracer: Tracer
  readonly #peer: TracedPeer
  readonly #attributes: Attributes
  /** Nobody is known to lead. */
  #election: Span | undefined
  #reign: Span | undefined
  #events = 0

  constructor(tracer: Tracer, peer: TracedPeer) {
    this.#tracer = tracer
    this.#peer = peer
    this.#attributes = { 'caucus.cluster': peer.cluster, 'caucus.peer.id': peer.peer }
    this.#election = this.#begin('election')
  }

  happened(event: PeerHappened): void {
    switch (event.type) {
      case 'leader.lost': {
        // Who stops does not look for another one.
        if (event.because === 'stopped') return
        const said = { 'caucus.leader.id': event.leader.id, 'caucus.because': event.because }
        this.#election ??= this.#begin('election')
        return this.#tell('leader.lost', { ...said, 'caucus.term': event.leader.term })
      }
      case 'election.started':
        this.#election ??= this.#begin('election')
        return this.#tell('election.started', { 'caucus.term': event.term, 'caucus.because': event.because })
      case 'leader.elected': {
        const { id, term, token } = event.leader
        this.#election?.setAttributes({ 'caucus.leader.id': id, 'caucus.term': term, 'caucus.token': token })
        this.#election?.end()
        this.#election = undefined
        return
      }
      case 'reign.started':
        this.#reign = this.#begin('reign', { 'caucus.term': event.term, 'caucus.generation': event.generation })
        return
      case 'reign.ended':
        return this.#endReign(event.because)
    }
  }

  #endReign(because: string): void {
    const reign = this.#reign
    this.#reign = undefined
    reign?.setAttribute('caucus.reign.ending', because)
    if (because === 'failed' && reign !== undefined) fail(reign, 'CAUCUS_BACKEND', 'the coordinator failed')
    reign?.end()
  }

  #tell(name: string, attributes: Attributes): void {
    if (this.#events++ < MAX_EVENTS) this.#election?.addEvent(name, attributes)
  }

  #begin(what: 'election' | 'reign', attributes: Attributes = {}): Span {
    if (what === 'election') this.#events = 0
    const name = `${what} ${this.#peer.cluster}`
    return this.#tracer.startSpan(name, { attributes: { ...this.#attributes, ...attributes } }, ROOT_CONTEXT)
  }
}
