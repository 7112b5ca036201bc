/** What somebody wants who presses a key. */
export type Key =
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'first'
  | 'last'
  | 'open'
  | 'back'
  | 'sort'
  | 'reverse'
  | 'redraw'
  | 'quit'
  | 'interrupt'
  | 'suspend'

const KEYS: Readonly<Record<string, Key>> = {
  '\x1b[A': 'up',
  '\x1bOA': 'up',
  k: 'up',
  '\x1b[B': 'down',
  '\x1bOB': 'down',
  j: 'down',
  '\x1b[5~': 'pageUp',
  '\x1b[6~': 'pageDown',
  ' ': 'pageDown',
  '\x1b[H': 'first',
  '\x1bOH': 'first',
  '\x1b[1~': 'first',
  g: 'first',
  '\x1b[F': 'last',
  '\x1bOF': 'last',
  '\x1b[4~': 'last',
  G: 'last',
  '\r': 'open',
  '\n': 'open',
  '\x1b[C': 'open',
  '\x1bOC': 'open',
  l: 'open',
  '\x1b': 'back',
  '\x7f': 'back',
  '\b': 'back',
  '\x1b[D': 'back',
  '\x1bOD': 'back',
  h: 'back',
  s: 'sort',
  r: 'reverse',
  '\f': 'redraw',
  q: 'quit',
  '\x03': 'interrupt',
  '\x1a': 'suspend',
}

/** A sequence that some key sends as a whole, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send them
const STROKE = /\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|./gsu

/** The keys in what a terminal sent. Those that mean nothing here are left out, and no part of their sequences is taken for another key. */
export const keysIn = (input: string): readonly Key[] =>
  [...input.matchAll(STROKE)].flatMap(([stroke]) => (Object.hasOwn(KEYS, stroke) ? [KEYS[stroke] as Key] : []))
