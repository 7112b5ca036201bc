import { useEffect, useState } from 'preact/hooks'
import type { LeadingPeer, SeenPeer } from '../../../src/ports/peers.ts'
import { order } from '../api.ts'
import { countOf, shortJson } from '../model/words.ts'
import { Confirm } from '../parts/confirm.tsx'
import { type PeersAnswer, server } from '../server.ts'
import { useStore } from '../store.ts'
import { GroupTable } from './groups.tsx'

export const Overview = () => {
  const { status, peers } = useStore(server)
  return (
    <>
      <h1>Who is here, and who leads</h1>
      {peers !== undefined && peers !== 'none' && <Cluster peers={peers} />}
      {peers === 'none' && (
        <section class="card">
          <h2>One server</h2>
          <p>This server is no peer of a cluster: it leads by itself, and nobody takes over when it stops.</p>
        </section>
      )}
      {status === undefined ? (
        <p aria-busy="true">Asking the server…</p>
      ) : (
        <>
          <section class="card">
            <h2>Groups</h2>
            <GroupTable groups={status.groups} />
          </section>
          <section class="card">
            <h2>This server</h2>
            <dl>
              <dt>Version</dt>
              <dd>{status.version}</dd>
              <dt>Instance</dt>
              <dd>{status.instanceId}</dd>
              <dt>Cluster</dt>
              <dd>{status.clusterId}</dd>
              <dt>Generation</dt>
              <dd>{status.generation}</dd>
              <dt>Exclusion</dt>
              <dd>{status.guarantees.exclusion}</dd>
              <dt>Survives a restart</dt>
              <dd>{status.guarantees.survivesRestart ? 'yes' : 'no'}</dd>
              <dt>Survives a partition</dt>
              <dd>{status.guarantees.survivesPartition ? 'yes' : 'no'}</dd>
            </dl>
          </section>
        </>
      )}
    </>
  )
}

const Cluster = ({ peers }: { peers: PeersAnswer }) => {
  const { operates } = useStore(server)
  const [handsOver, setHandsOver] = useState<string>()
  const there = peers.peers.filter(({ connected }) => connected).length
  const { leader } = peers
  return (
    <section class="card">
      <h2>Cluster {peers.cluster}</h2>
      <p class="big" aria-live="polite">
        {leader === undefined ? 'Nobody leads' : `${leader.identifier} leads`} in term {leader?.term ?? peers.term}
      </p>
      <p class={there < peers.quorum ? 'fault' : ''}>
        {there} of {countOf(peers.peers.length, 'voter')} seen from {peers.identifier}; {peers.quorum} are a quorum
        {there < peers.quorum && ', so nothing can be decided'}
        {peers.waitingFor.length > 0 && `; waiting for ${peers.waitingFor.join(', ')}`}
      </p>
      {leader !== undefined && <Lease leader={leader} />}
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
          <li key={identifier}>
            <strong>{identifier}</strong> {host}:{port}{' '}
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

interface VoterProps {
  readonly peer: SeenPeer
  readonly leads: boolean
  readonly children: preact.ComponentChildren
}

const Voter = ({ peer, leads, children }: VoterProps) => (
  <li class={peer.connected ? '' : 'away'}>
    <strong>{peer.identifier}</strong> {peer.host}:{peer.port} {leads && <span class="pill live">leads</span>}{' '}
    <span class="quiet">
      {peer.self
        ? 'this one'
        : peer.connected
          ? 'connected'
          : `not connected${peer.problem ? `: ${peer.problem}` : ''}`}
      {peer.refuses !== undefined && `; refuses: ${peer.refuses}`} {shortJson(peer.metadata)}
    </span>{' '}
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
    const timer = setInterval(() => setNowMs(Date.now()), 200)
    return () => clearInterval(timer)
  }, [leader.leaseMsLeft])
  const leftMs = Math.max(0, leader.leaseMsLeft - Math.max(0, nowMs - peersAtMs))
  return (
    <label class="lease">
      Lease of {leader.identifier}, as last heard
      <meter min={0} max={fullMs} value={leftMs} low={fullMs / 4}>
        {Math.round(leftMs)} ms
      </meter>
    </label>
  )
}
