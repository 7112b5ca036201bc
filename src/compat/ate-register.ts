import type { Backend, Registration, TopicsPort } from './ate-topics.ts'

/** Who is registered on which topics, each once. */
export class Register<Member> {
  readonly #topics = new Map<string, Map<Member, Registration>>()
  #opened: { readonly backend: Backend; readonly topics: TopicsPort } | undefined

  /** `make` is told what to call when the place is lost. Does nothing when there is one already. */
  add(member: Member, topic: string, make: (onEnded: () => void) => Registration): void {
    const members = this.#topics.get(topic) ?? new Map<Member, Registration>()
    if (members.has(member)) return
    const registration = make(() => this.#forget(member, topic, registration))
    members.set(member, registration)
    this.#topics.set(topic, members)
    if (this.#opened !== undefined) registration.open(this.#opened.backend, this.#opened.topics)
  }

  remove(member: Member, topic: string): void {
    const registration = this.#topics.get(topic)?.get(member)
    if (registration === undefined) return
    // At once, and not when it has finished: it may be registered again meanwhile.
    this.#forget(member, topic, registration)
    registration.end()
  }

  /** Gives everybody who is here, and who comes, a place. */
  open(backend: Backend, topics: TopicsPort): void {
    this.#opened = { backend, topics }
    for (const registration of [...this.#topics.values()].flatMap((members) => [...members.values()])) {
      registration.open(backend, topics)
    }
  }

  /** Each once. */
  members(): readonly Member[] {
    return [...new Set([...this.#topics.values()].flatMap((members) => [...members.keys()]))]
  }

  #forget(member: Member, topic: string, registration: Registration): void {
    const members = this.#topics.get(topic)
    if (members?.get(member) !== registration) return
    members.delete(member)
    if (members.size === 0) this.#topics.delete(topic)
  }
}
