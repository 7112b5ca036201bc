import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeaderLease, restsMs } from '../../../../src/core/election/leader-lease.ts'
import { firstRound, type PeerMessage } from '../../../../src/core/election/messages.ts'
import { Observer } from '../../../../src/core/election/observer.ts'
import { VoterPromise } from '../../../../src/core/election/promise.ts'
import { Ballot, majorityOf, reachedByMajority } from '../../../../src/core/election/quorum.ts'
import { votersOf } from '../../../../src/core/election/voters.ts'
import { seededRandom } from '../../../../src/core/random.ts'

describe('a majority', () => {
  test('is more than half, so two of them always share a voter', () => {
    for (let voters = 1; voters <= 7; voters++) {
      expect(2 * majorityOf(voters)).toBeGreaterThan(voters)
      expect(2 * (majorityOf(voters) - 1)).toBeLessThanOrEqual(voters)
    }
  })

  test('reaches what so many reach at least, whoever they are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 7 }),
        fc.integer({ min: 1, max: 7 }),
        (values, voters) => {
          const given = values.slice(0, voters)
          const reached = reachedByMajority(given, voters)
          expect(
            given.filter((value) => value >= reached).length >= majorityOf(voters) ||
              reached === Number.NEGATIVE_INFINITY,
          ).toBe(true)
          expect(given.filter((value) => value > reached).length).toBeLessThan(majorityOf(voters))
        },
      ),
    )
  })

  test('counts a voter once', () => {
    const ballot = new Ballot(3)
    ballot.add('a')
    ballot.add('a')
    expect(ballot.won).toBe(false)
    ballot.add('b')
    expect(ballot.won).toBe(true)
  })
})

describe('a lease and the promise that it rests on', () => {
  test('the lease is over first, at whatever rates within 1 ± ε the two clocks run', () => {
    const rate = fc.double({ min: 0.99, max: 1.01, noNaN: true })
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 1, max: 1e6 }), (leaderRate, voterRate, promiseMs) => {
        expect(restsMs(promiseMs) / leaderRate).toBeLessThanOrEqual(promiseMs / voterRate + 1e-6)
      }),
    )
  })

  test('is never longer than it may be, whatever is promised', () => {
    const lease = new LeaderLease({ self: 'a', voters: 3, leaseMs: 120 })
    lease.sent(1, 1e9, 1000)
    lease.acked('b', 1, 1e9)
    expect(lease.until).toBe(1120)
  })

  test('does not shrink by an answer to an earlier round', () => {
    const lease = new LeaderLease({ self: 'a', voters: 3, leaseMs: 120 })
    lease.sent(1, 150, 1000)
    lease.sent(2, 150, 1050)
    lease.acked('b', 2, 150)
    lease.acked('b', 1, 150)
    expect(lease.until).toBe(1170)
  })

  test('knows no round that was never sent, or so long ago that it does not matter', () => {
    const lease = new LeaderLease({ self: 'a', voters: 3, leaseMs: 120 })
    for (let round = 1; round <= 300; round++) lease.sent(round, 150, 1000 + round)
    expect(lease.acked('b', 301, 150)).toBe(false)
    expect(lease.acked('b', 1, 150)).toBe(false)
    expect(lease.until).toBe(Number.NEGATIVE_INFINITY)
  })
})

test('a promise is never shortened, and overridden only for the leader that let go', () => {
  const promise = new VoterPromise()
  const leader = { id: 'a', bootId: 'a#1', term: 3 }
  promise.give(leader, 150, 1000)
  promise.give(leader, 10, 1050)
  expect(promise.until).toBe(1150)
  expect(promise.bars(1149, undefined)).toBe(true)
  expect(promise.bars(1149, { ...leader, term: 2 })).toBe(true)
  expect(promise.bars(1149, leader)).toBe(false)
  expect(promise.bars(1150, undefined)).toBe(false)
  expect(promise.isGivenToAnother({ ...leader, bootId: 'a#2' }, 1149)).toBe(true)
  promise.waive({ ...leader, bootId: 'a#2' })
  expect(promise.runs(1149)).toBe(true)
  promise.waive(leader)
  expect(promise.runs(1149)).toBe(false)
})

test('a configuration is the same in whatever order its files name the voters', () => {
  expect(votersOf(['b', 'a']).identity).toBe(votersOf(['a', 'b']).identity)
  expect(votersOf(['a,b']).identity).not.toBe(votersOf(['a', 'b']).identity)
})

describe('an observer', () => {
  const at = (ms: number) => ({ grantor: ms, holder: ms })
  const beat = (term: number, leads: boolean): PeerMessage => ({
    type: 'beat',
    term,
    round: 1,
    promiseMs: 150,
    leads,
    generation: 7 + term,
    sender: { cluster: 'tests', voters: '["a"]', id: 'a', bootId: 'a#1', storeId: 's' },
  })
  const heard = (message: PeerMessage) => ({ type: 'message', from: 'a', message }) as const
  const observer = () => {
    const machine = new Observer({
      cluster: 'tests',
      id: 'o',
      bootId: 'o#1',
      seeds: ['a', 'b'],
      timing: { electionMinMs: 150, electionMaxMs: 300 },
    })
    expect(machine.step({ type: 'started' }, at(0)).map((effect) => effect.type)).toEqual(['send', 'send'])
    return machine
  }

  test('knows a leader once that leads, and no longer than it is heard', () => {
    const machine = observer()
    machine.step(heard(beat(1, false)), at(1))
    expect(machine.view().leader).toBeUndefined()
    machine.step(heard(beat(1, true)), at(2))
    expect(machine.view().leader).toMatchObject({ id: 'a', term: 1 })
    machine.step({ type: 'woke' }, at(302))
    expect(machine.view().leader).toBeUndefined()
  })

  test('ignores an earlier leader, and is not deaf for good after a term that nobody reached', () => {
    const machine = observer()
    machine.step(heard(beat(900, true)), at(1))
    machine.step(heard(beat(1, true)), at(2))
    expect(machine.view().leader).toMatchObject({ term: 900 })
    machine.step({ type: 'woke' }, at(400))
    machine.step(heard(beat(1, true)), at(401))
    expect(machine.view().leader).toMatchObject({ term: 1 })
  })
})

test('two processes under one id do not ask under the same numbers, so an answer to one counts for no other', () => {
  const rounds = Array.from({ length: 100 }, (_, seed) => firstRound(seededRandom(seed)))
  expect(new Set(rounds).size).toBe(100)
  expect(rounds.every((round) => Number.isSafeInteger(round + 2 ** 40))).toBe(true)
})
