import { CaucusError } from '../errors.ts'

/** A scenario in words: `seed=3 profile=swarm deeds=crash.0 members=1`. */
export const scenarioLine = (scenario: {
  readonly seed: number
  readonly profile: string
  readonly limits: object
}): string => {
  const { seed, profile, limits } = scenario
  const words = Object.entries(limits).map(([name, value]) => `${name}=${Array.isArray(value) ? value.join() : value}`)
  return [`seed=${seed}`, `profile=${profile}`, ...words].join(' ')
}

/** Which words there may be beside `seed` and `profile`. */
export interface ScenarioWords {
  readonly numbers: readonly string[]
  readonly lists: readonly string[]
  readonly profiles: readonly string[]
  readonly faults: readonly string[]
}

/** What `scenarioLine` wrote, as members of an object; refuses anything else with `CAUCUS_INVALID_ARGUMENT`. */
export const readScenario = <Profile extends string>(
  line: string,
  { numbers, lists, profiles, faults }: ScenarioWords,
): Readonly<Record<string, unknown>> & { readonly seed: number; readonly profile: Profile } => {
  const fields = new Map<string, number | string | string[]>()
  for (const word of line.trim().split(/\s+/)) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(word) ?? []
    if ((name === 'seed' || numbers.includes(name)) && /^\d+$/.test(value)) fields.set(name, Number(value))
    else if (lists.includes(name)) fields.set(name, value === '' ? [] : value.split(','))
    else if (name === 'profile' && profiles.includes(value)) fields.set(name, value)
    else throw unreadable(`"${word}" is no part of a scenario`)
  }
  const { seed, profile, ...limits } = Object.fromEntries(fields)
  if (typeof seed !== 'number' || typeof profile !== 'string')
    throw unreadable('a scenario names its seed and its profile')
  const named = Array.isArray(limits.faults) ? limits.faults : []
  const unknown = named.find((name) => !faults.includes(name))
  if (unknown !== undefined) throw unreadable(`there is no fault "${unknown}"`)
  // It is one of `profiles`.
  return { ...limits, seed, profile: profile as Profile }
}

const unreadable = (what: string): CaucusError =>
  new CaucusError('CAUCUS_INVALID_ARGUMENT', `${what}; copy the whole line that the simulator printed, from seed= on`)
