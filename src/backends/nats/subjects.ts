/** What a token of a subject may have as it is; NATS gives dots, stars, angles and white space a meaning of their own. */
const PLAIN = /^[A-Za-z0-9_-]+$/
const PREFIX = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
const MAX_PREFIX_LENGTH = 128

/** A name of a topic, or an id, as one token of a subject: different names have different tokens. */
export const tokenOf = (name: string): string => {
  if (PLAIN.test(name)) return name
  let token = ''
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte)
    token += PLAIN.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`
  }
  return token
}

/** Says what is wrong with a prefix, or `undefined`. */
export const prefixFault = (prefix: unknown): string | undefined =>
  typeof prefix === 'string' && prefix.length <= MAX_PREFIX_LENGTH && PREFIX.test(prefix)
    ? undefined
    : `prefix takes up to ${MAX_PREFIX_LENGTH} characters: letters, digits, "_" and "-", with single dots between them`

/** The subjects of everybody who shares a prefix. A program that may publish and subscribe below it may do everything. */
export class Subjects {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What is for one connection. */
  node(node: number): string {
    return `${this.#prefix}.node.${hexOf(node)}`
  }

  /** Where the server says that nobody is there; `what` is one token. */
  gone(node: number, what: string): string {
    return `${this.#prefix}.gone.${hexOf(node)}.${what}`
  }

  /** Requests to everybody. */
  ask(topic: string): string {
    return `${this.#prefix}.ask.${tokenOf(topic)}`
  }

  /** Questions to all that are on the topic. */
  who(topic: string): string {
    return `${this.#prefix}.who.${tokenOf(topic)}`
  }

  /** What changes about who is on the topic. */
  roster(topic: string): string {
    return `${this.#prefix}.roster.${tokenOf(topic)}`
  }

  /** Replies, for listeners. */
  heard(topic: string): string {
    return `${this.#prefix}.heard.${tokenOf(topic)}`
  }

  /** Who takes an id. */
  id(topic: string, id: string): string {
    return `${this.#prefix}.id.${tokenOf(topic)}.${tokenOf(id)}`
  }
}

/** Of a connection's number, which has 48 bits. */
export const hexOf = (node: number): string => node.toString(16).padStart(12, '0')

/** The last token of a subject. */
export const lastToken = (subject: string): string => subject.slice(subject.lastIndexOf('.') + 1)
