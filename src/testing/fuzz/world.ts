import type { Random } from '../../core/random.ts'
import { oneOf, percent, weighted } from './draw.ts'
import { hostileText } from './hostile.ts'
import type { Memory } from './memory.ts'
import type { Source } from './schema.ts'

/** `closed`: with tokens, and the fuzzer goes for the canaries' groups, in which it has no rights. `open`: without any, in other groups. */
export type Mode = 'closed' | 'open'

/** Groups that nothing of a fuzzer may disturb. */
export const CANARY = {
  parts: 'canary-parts',
  slots: 'canary-slots',
  topic: 'canary-topic',
  partitions: 48,
  members: ['canary-1', 'canary-2', 'canary-3'],
} as const

/** As long as a real one, and easy to find in whatever a server says. */
const tokenOf = (name: string): string => `s3cr3t-${name}-0123456789abcdef0123456789abcdef`
export const TOKENS = {
  canary: tokenOf('canary'),
  operator: tokenOf('operator'),
  fuzz: tokenOf('fuzz'),
  reader: tokenOf('reader'),
} as const

/** As a token file has it. */
export const TOKEN_FILE = [
  { name: 'canary', token: TOKENS.canary, role: 'member', groups: ['canary-*'], topics: ['canary-*'] },
  { name: 'operator', token: TOKENS.operator, role: 'admin' },
  { name: 'fuzz', token: TOKENS.fuzz, role: 'admin', groups: ['fuzz-*', 'default'], topics: ['fuzz-*'] },
  { name: 'reader', token: TOKENS.reader, role: 'read', groups: ['fuzz-*'], topics: ['fuzz-*'] },
] as const

const GROUPS = ['fuzz-1', 'fuzz-2', 'fuzz-3', 'fuzz-4', 'fuzz-é', 'fuzz-%2f'] as const
const NAMES = ['a', 'b', 'c', 'd', 'e.f', 'ü', 'g h', '%'] as const

/** Which names and tokens a fuzzer uses. */
export class World {
  readonly mode: Mode

  constructor(mode: Mode) {
    this.mode = mode
  }

  group(random: Random): string {
    if (this.mode === 'closed' && percent(random, 12)) return oneOf(random, [CANARY.parts, CANARY.slots])
    return oneOf(random, GROUPS)
  }

  topic(random: Random): string {
    if (this.mode === 'closed' && percent(random, 12)) return CANARY.topic
    return oneOf(random, GROUPS)
  }

  member(random: Random): string {
    return percent(random, this.mode === 'closed' ? 8 : 2) ? oneOf(random, CANARY.members) : oneOf(random, NAMES)
  }

  name(random: Random, field: string): string {
    if (/group/i.test(field)) return this.group(random)
    if (/topic/i.test(field)) return this.topic(random)
    return /member|session|bootId/i.test(field) ? this.member(random) : oneOf(random, NAMES)
  }

  /** What an `Authorization` header says; undefined: there is none. */
  authorization(random: Random): string | undefined {
    const { fuzz, reader } = TOKENS
    if (this.mode === 'open') return percent(random, 95) ? undefined : `Bearer ${oneOf(random, [fuzz, 'x'])}`
    return weighted<() => string | undefined>(random, [
      [88, () => `Bearer ${fuzz}`],
      [4, () => `Bearer ${reader}`],
      [3, () => undefined],
      [1, () => `Basic ${fuzz}`],
      [1, () => `bearer   ${fuzz}`],
      [1, () => `Bearer ${fuzz.slice(0, -1)}`],
      [1, () => `Bearer ${fuzz}x`],
      [1, () => `Bearer ${hostileText(random)}`],
    ])()
  }

  source(random: Random, memory: Memory): Source {
    return { random, name: (field) => this.name(random, field), known: (field) => memory.known(random, field) }
  }
}
