import type { TopicsDown } from '../../core/dispatch/link-messages.ts'
import type { TopicsHosting, TopicsLink } from '../../ports/topics-hosting.ts'

/** Topics whose links are numbered anew for each server: two runs in one process must be alike. */
export const named = (hosting: TopicsHosting): TopicsHosting => {
  let links = 0
  const attach = (link: TopicsLink) => hosting.attach(new NamedLink(link, `link#${++links}`))
  return new Proxy(hosting, {
    get: (target, name) => {
      if (name === 'attach') return attach
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

class NamedLink implements TopicsLink {
  readonly name: string
  readonly #link: TopicsLink

  constructor(link: TopicsLink, name: string) {
    this.#link = link
    this.name = name
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes
  }

  deliver(message: TopicsDown, mayWait?: boolean): void {
    this.#link.deliver(message, mayWait)
  }

  fault(why: string): void {
    this.#link.fault(why)
  }
}
