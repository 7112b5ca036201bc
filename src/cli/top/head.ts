import type { Millis } from '../../core/time.ts'
import type { SeenPeer } from '../../ports/peers.ts'
import { type Line, line, type Span, span } from './lines.ts'
import type { HeardLeader, TopState } from './state.ts'

const BAR_COLUMNS = 16

/** What stands above everything else: who answers, whether it still does, and who leads. */
export const headLines = (state: TopState): readonly Line[] => [
  titleLine(state),
  ...(state.lost === undefined ? [] : lostLines(state, state.lost)),
  ...leaderLines(state),
  ...peerLines(state),
]

const titleLine = ({ picture, server, clock }: TopState): Line => {
  const name = picture === undefined ? 'caucus' : `caucus ${picture.version}`
  const { exclusion, survivesRestart } = picture?.guarantees ?? {}
  const promise =
    exclusion === undefined
      ? ''
      : `  exclusion ${String(exclusion)}${survivesRestart === true ? '' : ', forgets everything with a restart'}`
  return [span(name, 'strong'), span(`  ${server}`), span(promise, 'soft'), span(`  ${clock}`, 'soft')]
}

const lostLines = ({ nowMs, picture }: TopState, { why, sinceMs }: NonNullable<TopState['lost']>): readonly Line[] => {
  const old = picture === undefined ? '' : `; what stands below is ${age(nowMs - sinceMs)} old`
  return [[span(`NO ANSWER${old}`, 'bad'), span(`; still trying: ${why}`)]]
}

const age = (ms: Millis): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}

const leaderLines = ({ led, peers, nowMs }: TopState): readonly Line[] => {
  if (led !== undefined) return [leaderLine(led, nowMs)]
  if (peers === undefined) return []
  const waiting = peers.waitingFor?.length > 0 ? `, and it waits for ${peers.waitingFor.join(', ')}` : ''
  const needed = `${peers.quorum} of ${peers.peers.length} voters have to be there and agree`
  return [[span('nobody leads', 'bad'), span(`; ${needed}${waiting}`)]]
}

const leaderLine = ({ leader, atMs, fullMs }: HeardLeader, nowMs: number): Line => {
  const { identifier, host, port, term, token, leaseMsLeft } = leader
  const who = [span('leader '), span(identifier, 'strong'), span(` on ${host}:${port}, term ${term}, token ${token}`)]
  if (leaseMsLeft === undefined) return [...who, span(', only just elected', 'soft')]
  const leftMs = Math.max(0, leaseMsLeft - (nowMs - atMs))
  return [...who, span(', lease '), ...leaseBar(leftMs, fullMs), span(` ${Math.round(leftMs)} ms`)]
}

const leaseBar = (leftMs: Millis, fullMs: Millis): readonly Span[] => {
  const part = fullMs > 0 ? Math.min(1, leftMs / fullMs) : 0
  const full = Math.round(part * BAR_COLUMNS)
  const style = part > 0.5 ? 'good' : part > 0.2 ? 'warn' : 'bad'
  return [span('#'.repeat(full), style), span('.'.repeat(BAR_COLUMNS - full), 'soft')]
}

const peerLines = ({ peers, led }: TopState): readonly Line[] => {
  if (peers === undefined) return []
  const leads = led?.leader.identifier
  const voters = peers.peers.flatMap((peer) => peerSpans(peer, leads))
  const here = `peers as ${peers.identifier} sees them, quorum ${peers.quorum} of ${peers.peers.length}:`
  const lines: Line[] = [[span(here, 'soft'), ...voters]]
  const observers = (peers.observers ?? []).map(({ identifier, connected }) =>
    span(`  ${identifier}${connected ? '' : ' (gone)'}`, connected ? undefined : 'soft'),
  )
  if (observers.length > 0) lines.push([span('without a vote:', 'soft'), ...observers])
  return lines
}

const peerSpans = (peer: SeenPeer, leads: string | undefined): readonly Span[] => {
  const { identifier, connected, refuses, problem } = peer
  const name = span(`  ${identifier}`, identifier === leads ? 'strong' : undefined)
  if (refuses !== undefined) return [name, span(` refuses (${String(refuses)})`, 'bad')]
  if (!connected) return [name, span(` not connected${problem === undefined ? '' : ` (${problem})`}`, 'bad')]
  return [name, span(identifier === leads ? ' leads' : ' there', 'good')]
}

/** What a key does, for whoever has some. */
export const keysLine = ({ looking, keys }: TopState): Line => {
  if (!keys) return line('Ctrl-C ends', 'soft')
  const { opened, groupOrder, memberOrder, reversed } = looking
  const by = `${opened === undefined ? groupOrder : memberOrder}${reversed ? ', reversed' : ''}`
  const moving = opened === undefined ? 'up/down choose  enter open' : 'up/down scroll  esc back'
  return line(`${moving}  s sort (${by})  r reverse  q quit`, 'soft')
}
