import { connect, timing } from '../../dist/index.js'
import { startOneEtcd } from '../backends/etcd.mjs'
import { startVoters } from '../cluster/voters.mjs'
import { backendOf } from '../support/backend.mjs'
import { median, round } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'
import { spreadOf } from '../support/rows.mjs'
import { CHANGE_NAMES, CHANGES, measureChange } from './hand-over.mjs'

/** The shortest lease that etcd has, so that all of them wait for the same. */
const TIMING = { ...timing.local, leaseMs: 2_000, heartbeatMs: 400 }
const LOCKS = 200

const specOf = (kind, urls, more = {}) => JSON.stringify({ kind, urls, timing: TIMING, ...more })

/** Each backend that members of several machines can have, started; `spec` is what members are told. */
const STARTS = {
  remote: async () => {
    const { url, stop } = await startCaucus('-t', '2', '-s', '0.1')
    return { spec: specOf('remote', [url]), stop }
  },
  peer: async () => {
    const { urls, stop } = await startVoters(3, { ...timing.local, ...TIMING })
    return { spec: specOf('remote', urls), stop }
  },
  etcd: async (tell) => {
    const server = await startOneEtcd()
    if (server === undefined) return tell('etcd: skipped, since it is not installed (Debian: etcd-server)')
    return { spec: specOf('etcd', [server.url], { prefix: 'bench/' }), stop: server.stop }
  },
}

const changed = async (started, { quick, tell }) => {
  const times = quick ? 1 : 5
  const rows = []
  for (const [change, what] of Object.entries(CHANGES)) {
    const took = Object.fromEntries(Object.keys(started).map((kind) => [kind, []]))
    for (let i = 0; i < times; i++) {
      for (const [kind, { spec }] of Object.entries(started)) {
        took[kind].push(await measureChange(spec, `${change}-${i}`, what))
      }
    }
    tell(`${change}: measured`)
    rows.push(rowOf(CHANGE_NAMES[change], took, 'ms'))
  }
  return rows
}

const rowOf = (name, took, unit) => {
  const medians = Object.fromEntries(Object.entries(took).map(([kind, all]) => [kind, round(median(all), 4)]))
  const { remote, ...others } = medians
  return {
    row: `backends, ${name}`,
    ours: remote,
    floor: null,
    others,
    ratio: null,
    target: 'told, not aimed at',
    ok: null,
    unit: `${unit} on remote`,
    details: Object.assign({}, ...Object.entries(took).map(([kind, all]) => spreadOf(all, `${kind}: `))),
  }
}

/** One process takes a lock that nobody has and gives it back, over and over. */
const locked = async (started, { quick }) => {
  const took = {}
  for (const [kind, { spec }] of Object.entries(started)) {
    const caucus = await connect(await backendOf(spec))
    const taken = []
    for (let i = 0; i < (quick ? 5 : LOCKS); i++) {
      const began = performance.now()
      const tenure = await caucus.election(`lock-${i}`).campaign()
      taken.push(performance.now() - began)
      await tenure.resign()
    }
    took[kind] = taken
    await caucus.close()
  }
  return rowOf('a lock that nobody has → it is held', took, 'ms')
}

/** The same work on each backend, as a table for those who choose. Not rates of one run against a floor: what each of them takes. */
export const backends = async (options) => {
  const started = {}
  try {
    for (const [kind, start] of Object.entries(STARTS)) {
      const one = await start(options.tell)
      if (one !== undefined) started[kind] = one
    }
    return [...(await changed(started, options)), await locked(started, options)]
  } finally {
    await Promise.all(Object.values(started).map(({ stop }) => stop()))
  }
}
