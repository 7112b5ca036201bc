import { useEffect, useMemo, useState } from 'preact/hooks'
import { explainLeadership, type LeadershipView, leaderAfter } from '../../../src/core/election/explain.ts'
import type { LeadershipPast } from '../../../src/core/election/past.ts'
import type { LeadingPeer, SeenPeer } from '../../../src/ports/peers.ts'
import { get, order } from '../api.ts'
import { clockOf, countOf, shortJson } from '../model/words.ts'
import { Confirm } from '../parts/confirm.tsx'
import { asApiError, heard, type PeersAnswer, server } from '../server.ts'
import { useStore } from '../store.ts'
import { Causes } from './explanation.tsx'
import { TimeSlider } from './time-slider.tsx'

/** Who leads, for how long yet, and who could elect another one. */
export const Cluster = ({ peers }: { peers: PeersAnswer }) => {
  const { operates } = useStore(server)
  const [handsOver, setHandsOver] = useState<string>()
  const [explains, setExplains] = useState(false)
  const there = peers.peers.filter(({ connected }) => connected).length
  const { leader } = peers
  return (
    <section class="card wide">
      <div class="heading">
        <h2>Cluster {peers.cluster}</h2>
        <button type="button" aria-expanded={explains} onClick={() => setExplains((before) => !before)}>
          Explain the leader
        </button>
      </div>
      <p class="big" aria-live="polite">
        {leader === undefined ? 'Nobody leads' : `${leader.identifier} leads`} in term {leader?.term ?? peers.term}
      </p>
      {leader !== undefined && <Lease leader={leader} />}
      <p class={there < peers.quorum ? 'quorum fault' : 'quorum'}>
        <Quorum there={there} quorum={peers.quorum} all={peers.peers.length} /> {there} of{' '}
        {countOf(peers.peers.length, 'voter')} seen from {peers.identifier}; {peers.quorum} are a quorum
        {there < peers.quorum && ', so nothing can be decided'}
        {peers.waitingFor.length > 0 && `; waiting for ${peers.waitingFor.join(', ')}`}
      </p>
      {explains && <WhyLeads peers={peers} there={there} />}
      <ul class="peers">
        {peers.peers.map((peer) => (
          <Voter key={peer.identifier} peer={peer} leads={leader?.identifier === peer.identifier}>
            {operates && leader?.identifier !== peer.identifier && peer.connected && (
              <button type="button" onClick={() => setHandsOver(peer.identifier)}>
                Hand over to {peer.identifier}
              </button>
            )}
          </Voter>
        ))}
        {peers.observers.map(({ identifier, host, port, connected }) => (
          <li key={identifier} class="observer">
            <span class="name">{identifier}</span>
            <span class="code">
              {host}:{port}
            </span>
            <span class="quiet">observer, {connected ? 'here' : 'gone'}</span>
          </li>
        ))}
      </ul>
      {handsOver !== undefined && (
        <Confirm
          title={`Hand over to ${handsOver}?`}
          doIt="Hand over"
          act={() => order('POST', '/v1/leader/transfer', { to: handsOver })}
          close={() => setHandsOver(undefined)}
        >
          <p>
            {leader?.identifier ?? 'Whoever leads'} stops leading, and {handsOver} begins a new term. Links and streams
            end and come again. Nothing moves in the groups.
          </p>
        </Confirm>
      )}
    </section>
  )
}

/** The same as the words beside it, for the eye. */
const Quorum = ({ there, quorum, all }: { there: number; quorum: number; all: number }) => (
  <span class="dots" aria-hidden="true">
    {Array.from({ length: all }, (_, i) => (
      <span key={i} class={`${i < there ? 'there' : ''}${i === quorum - 1 ? ' quorum' : ''}`} />
    ))}
  </span>
)

interface VoterProps {
  readonly peer: SeenPeer
  readonly leads: boolean
  readonly children: preact.ComponentChildren
}

const Voter = ({ peer, leads, children }: VoterProps) => (
  <li class={peer.connected ? '' : 'away'}>
    <span class="name">
      {peer.identifier} {leads && <span class="pill live">leads</span>}
    </span>
    <span class="code">
      {peer.host}:{peer.port}
    </span>
    <span class="quiet">
      {peer.self
        ? 'this one'
        : peer.connected
          ? 'connected'
          : `not connected${peer.problem ? `: ${peer.problem}` : ''}`}
      {peer.refuses !== undefined && `; refuses: ${peer.refuses}`} {shortJson(peer.metadata)}
    </span>
    {children}
  </li>
)

/** Runs down between two answers, and is full again after each. */
const Lease = ({ leader }: { leader: LeadingPeer }) => {
  const { peersAtMs } = useStore(server)
  const [nowMs, setNowMs] = useState(Date.now())
  const [fullMs, setFullMs] = useState(leader.leaseMsLeft)
  useEffect(() => {
    setFullMs((before) => Math.max(before, leader.leaseMsLeft))
    const timer = setInterval(() => setNowMs(Date.now()), 100)
    return () => clearInterval(timer)
  }, [leader.leaseMsLeft])
  const leftMs = Math.max(0, leader.leaseMsLeft - Math.max(0, nowMs - peersAtMs))
  return (
    <label class="lease">
      <span>
        Lease of {leader.identifier}, as last heard <span class="quiet">{Math.round(leftMs)} ms</span>
      </span>
      <meter min={0} max={fullMs} value={leftMs} low={fullMs / 4}>
        {Math.round(leftMs)} ms
      </meter>
    </label>
  )
}

/** What happened to the lead; asked for again whenever another one leads, or another term has begun. */
const useLeadershipPast = ({ term, leader }: PeersAnswer): LeadershipPast | undefined => {
  const [past, setPast] = useState<LeadershipPast>()
  const asked = `${term} ${leader?.identifier ?? ''}`
  useEffect(() => {
    const ended = new AbortController()
    const ask = async () => {
      try {
        setPast(await get<LeadershipPast>('/v1/peers/history', ended.signal))
      } catch (error) {
        if (!ended.signal.aborted) heard(asApiError(error))
      }
    }
    void ask()
    return () => ended.abort()
  }, [asked])
  return past
}

const MARK_WORDS = { view: 'elected', revoke: 'lost', member: 'election' } as const

/** Why somebody leads, now or at an earlier moment, in one sentence. */
const WhyLeads = ({ peers, there }: { peers: PeersAnswer; there: number }) => {
  const past = useLeadershipPast(peers)
  const [position, setPosition] = useState<number>()
  const { identifier, leader, quorum, waitingFor } = peers
  const told = useMemo(() => {
    if (past === undefined) return undefined
    if (position === undefined) {
      const now: LeadershipView = {
        identifier,
        leader,
        waitingFor,
        seen: { voters: peers.peers.length, there, quorum },
      }
      return explainLeadership(now, past)
    }
    const events = past.events.slice(0, position)
    const nowMs = events.at(-1)?.atMs ?? past.sinceMs
    return explainLeadership({ identifier, leader: leaderAfter(events) }, { ...past, events, nowMs })
  }, [past, position, leader?.identifier, leader?.term, there])
  const last = position === undefined ? undefined : past?.events[position - 1]
  if (past === undefined || told === undefined) return <p aria-busy="true">Following the causes…</p>
  return (
    <div class="explanation inset" aria-live="polite">
      {position !== undefined && (
        <p class="quiet">As it was {last === undefined ? 'before all that is known' : `at ${clockOf(last.atMs)}`}.</p>
      )}
      <p class="sentence">{told.sentence}</p>
      <Causes events={told.events} />
      <TimeSlider
        events={past.events}
        position={position}
        forgotten={past.forgotten}
        move={setPosition}
        view="leader"
        words={MARK_WORDS}
      />
    </div>
  )
}
