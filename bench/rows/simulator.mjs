import { spawnSync } from 'node:child_process'
import { round } from '../support/figures.mjs'
import { root } from '../support/process.mjs'

const TARGET = 50_000

/** Simulated events per second of one core, as the simulator counts them itself. */
export const simulator = async ({ quick }) => {
  const options = ['--seeds', quick ? '20' : '300', '--jobs', '1', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/caucus.js', 'sim', ...options], { cwd: root })
  if (status !== 0) throw new Error(`the simulator ended with ${status}: ${stderr}`)
  const { seeds, events, eventsPerSecond, violations } = JSON.parse(String(stdout).trim().split('\n').at(-1))
  return [
    {
      row: 'simulator, one core',
      ours: round(eventsPerSecond),
      floor: null,
      others: {},
      ratio: round(eventsPerSecond / TARGET),
      target: `≥ ${TARGET} events/s`,
      ok: eventsPerSecond >= TARGET && violations.length === 0,
      unit: 'events/s',
      details: { seeds, events, violations: violations.length },
    },
  ]
}
