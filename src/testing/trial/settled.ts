import type { GroupView } from '../../core/group/view.ts'
import type { Checker } from './checker.ts'

/** What is not yet as expected in the eyes of a server: each group settled, with exactly these members. `undefined`: everything is. */
export const unsettled = async (
  url: string,
  expected: ReadonlyMap<string, readonly string[]>,
): Promise<string | undefined> => {
  let groups: readonly GroupView[]
  try {
    const response = await fetch(`${url}/v1/groups`, { signal: AbortSignal.timeout(2_000) })
    if (!response.ok) return `an answer of the server (${response.status})`
    ;({ groups } = (await response.json()) as { groups: readonly GroupView[] })
  } catch (error) {
    // It is being started, or busy; how long that may take is limited by whoever waits.
    return `an answer of the server (${error instanceof Error ? error.message : error})`
  }
  for (const [name, ids] of expected) {
    const wanted = [...new Set(ids)].sort().join()
    const view = groups.find((group) => group.name === name)
    const members = view?.members
      .map(({ id }) => id)
      .sort()
      .join()
    if (members !== wanted) return `${name} to have the members ${wanted} and not ${members}`
    if (view?.state !== 'settled') return `${name} to settle`
  }
  return undefined
}

/** Which of these things nobody is known to have owned since then. `undefined`: each has had an owner. */
export const ownerless = (checker: Checker, things: readonly string[], sinceNs: number): string | undefined => {
  const bare = things.filter((what) => (checker.latest(what)?.endNs ?? 0) < sinceNs)
  return bare.length === 0
    ? undefined
    : `an owner of ${bare.slice(0, 5).join(', ')}${bare.length > 5 ? ` and ${bare.length - 5} more` : ''}`
}
