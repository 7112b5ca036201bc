import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import type { IntervalRecord } from '../../src/testing/intervals.ts'
import { ELECTION } from '../../src/testing/mutants/election.ts'
import { Checker } from '../../src/testing/trial/checker.ts'
import { type Break, House } from '../../src/testing/trial/house.ts'
import { AskLedger } from '../../src/testing/trial/peers/ask-ledger.ts'
import { Crew } from '../../src/testing/trial/peers/crew.ts'
import { PeersTrial } from '../../src/testing/trial/peers/peers-trial.ts'
import { LEADERSHIP, reignFaults, strangeClaim, TERMS } from '../../src/testing/trial/peers/reigns.ts'
import { befall } from './support/peer-rounds.ts'

interface Reign {
  readonly term: number
  readonly token: number
  readonly from: number
  readonly to: number
}
const reign = (who: string, { term, token, from, to }: Reign): IntervalRecord[] => [
  { who, what: LEADERSHIP, epoch: token, startNs: from, endNs: to },
  { who, what: TERMS, epoch: term, startNs: from, endNs: to },
]
const judge = (fenced: boolean, ...reigns: IntervalRecord[][]) => {
  const checker = new Checker()
  checker.add(reigns.flat())
  return reignFaults(checker, { fenced })
}

describe('the checker of leaderships', () => {
  const first = reign('a#1', { term: 1, token: 10, from: 0, to: 10 })

  test('finds nothing where each leader ends before the next begins, under a higher token and in a later term', () => {
    const again = reign('a#1', { term: 1, token: 10, from: 12, to: 20 })
    expect(judge(true, first, again, reign('b#2', { term: 3, token: 12, from: 21, to: 30 }))).toEqual([])
  })

  test.each([
    ['two at one instant', 'two at one instant: ', { term: 2, token: 11, from: 10, to: 20 }],
    ['a token that falls', 'a token that does not rise: leadership', { term: 2, token: 9, from: 11, to: 20 }],
    ['a token that stays', 'a token that does not rise: leadership', { term: 2, token: 10, from: 11, to: 20 }],
    ['a term with two leaders', 'a term with two leaders: ', { term: 1, token: 11, from: 11, to: 20 }],
    ['a term that falls', 'a token that does not rise: terms', { term: 0, token: 11, from: 11, to: 20 }],
  ])('finds %s', (_, message, next) => {
    expect(judge(true, first, reign('b#2', next))).toEqual([expect.stringContaining(message)])
    // The next process of a voter is another leader.
    expect(judge(true, first, reign('a#2', next))).toEqual([expect.stringContaining(message)])
  })

  test('lets tokens repeat where nothing is written down, and still finds two at one instant', () => {
    expect(judge(false, first, reign('b#2', { term: 1, token: 10, from: 11, to: 20 }))).toEqual([])
    expect(judge(false, first, reign('b#2', { term: 1, token: 10, from: 9, to: 20 }))).toHaveLength(1)
  })

  test('finds whoever may not lead at all', () => {
    const claims = [...first, ...reign('stranger-b#3', { term: 2, token: 11, from: 11, to: 20 })]
    expect(claims.flatMap((claim) => strangeClaim(claim) ?? [])).toEqual([
      'stranger-b#3, who may not lead, led under the token 11',
    ])
  })
})

describe('the ledger of asks', () => {
  const house = new House()
  afterAll(() => house.remove())
  const everybody = { living: new Set(['m1']), beforeNs: 100 }
  const began = { who: 'm1', ask: 1, atNs: 10 }

  test('is satisfied by asks that each ended once', () => {
    const ledger = new AskLedger(house)
    for (const outcome of ['replied', 'CAUCUS_NO_QUORUM']) {
      ledger.add(began)
      expect(ledger.faults(everybody)).toEqual(['the ask 1 of m1 never ended'])
      ledger.add({ ...began, atNs: 20, outcome })
    }
    expect(ledger.faults(everybody)).toEqual([])
    expect(ledger.outcomes).toEqual({ replied: 1, CAUCUS_NO_QUORUM: 1 })
  })

  test('finds what never ended, ended twice, or with what no ask may end with', () => {
    const ledger = new AskLedger(house)
    ledger.add(began)
    expect(ledger.faults({ ...everybody, beforeNs: 5 })).toEqual([])
    expect(ledger.faults({ ...everybody, living: new Set() })).toEqual([])
    ledger.add({ ...began, outcome: 'CAUCUS_BACKEND' })
    ledger.add({ ...began, outcome: 'replied' })
    expect(ledger.faults(everybody)).toEqual([
      'the ask 1 of m1 ended with CAUCUS_BACKEND',
      'the ask 1 of m1 ended twice',
    ])
  })

  test('whoever lost something for an instant is found by the begin of the claim', () => {
    const before = new Map([
      ['parts/1', 'm1 5 10'],
      ['parts/2', 'm2 5 10'],
    ])
    expect(Crew.lost(before, before)).toEqual([])
    expect(Crew.lost(before, new Map([['parts/1', 'm1 5 99']]))).toEqual(['parts/1', 'parts/2'])
  })
})

const mutant = (name: string): Break => {
  const found = ELECTION.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`there is no mutant ${name}`)
  return found
}

const MOST_FAULTS = 8
const LOGS_ARE_WRITTEN_WITHIN_MS = 200

/** What a trial finds in a program with some rules broken, up to all that is expected. */
const findings = async (
  fault: string,
  { broken, expected }: { broken: readonly Break[]; expected: readonly RegExp[] },
): Promise<readonly string[]> => {
  await using trial = await PeersTrial.start({ voters: 3, broken, members: fault.startsWith('member') ? 2 : 0 })
  trial.discardLogs()
  let found: string[] = []
  // On a busy machine the first fault may be over before it did any harm.
  for (let faults = 0; faults < MOST_FAULTS; faults++) {
    // Between two that both believe to lead nobody ever agrees; what was written down counts.
    const told = await befall(trial, [fault], faults).then(
      () => [],
      (error: Error) => [error.message],
    )
    await sleep(LOGS_ARE_WRITTEN_WITHIN_MS)
    found = [...told, ...trial.verdict().violations]
    if (expected.every((each) => found.some((line) => each.test(line)))) break
  }
  return found
}

describe('a trial of peers notices', { timeout: 240_000 }, () => {
  const noticed = (what: string, fault: string, expected: readonly RegExp[], ...broken: readonly Break[]) =>
    test(`${what} (${fault})`, async () => {
      const found = await findings(fault, { broken, expected })
      for (const each of expected) expect(found).toContainEqual(expect.stringMatching(each))
    })

  noticed(
    'a leader that believes a flag and not its clock, and tokens that are all the same',
    'leader-frozen',
    [/^two at one instant: leadership/, /^a token that does not rise: leadership/],
    mutant('leading-is-a-flag'),
    {
      file: 'core/election/reign.js',
      find: 'unfounded : founding.base + term;',
      replace: 'unfounded : founding.base;',
    },
  )

  noticed(
    'a leader that rests on the promises of a minority',
    'leader-cut-off',
    [/^two at one instant: leadership/],
    mutant('leader-lease-of-a-minority'),
  )

  noticed(
    'a vote that leaves though the disk is full',
    'disk-full',
    [/^a leader was elected that no voter could write/],
    {
      file: 'runtime/record-writer.js',
      find: 'this.#options.ended(ticket, failure === undefined, failure?.error)',
      replace: 'this.#options.ended(ticket, true)',
    },
  )

  noticed(
    'a leader that gives away at once what somebody holds who has not come back yet',
    'member-frozen-over-a-failover',
    [/^two at one instant: (parts|slots|chief)/],
    { file: 'runtime/reign.js', find: 'fresh: fresh && found === undefined', replace: 'fresh: true' },
  )
})
