import type { Group } from '../group/group.ts'
import type { GroupView } from '../group/view.ts'
import { compareIds } from '../ids.ts'
import type { Millis } from '../time.ts'
import { type Instance, instanceIn } from './instance.ts'
import { serviceOf } from './services.ts'

/** A service as its coordinator sees it. */
export interface ServicePicture {
  /** By id, whatever their status. */
  readonly instances: readonly Instance[]
  /**
   * For so long at most, instances from before the coordinator's start may still come back that are not listed: until then, that somebody
   * is missing says nothing. 0: these are all.
   */
  readonly incompleteForMs: Millis
}

/** How many instances a service has. */
export interface ServiceCount {
  readonly name: string
  readonly instances: number
  /** Those of them that may be given work. */
  readonly up: number
}

/** The service that a group is, if it is there at all. */
export const pictureOf = (group: Group | undefined, incompleteForMs: Millis): ServicePicture => ({
  instances: [...(group?.register?.instances ?? [])].sort((a, b) => compareIds(a.id, b.id)),
  incompleteForMs: Math.max(0, incompleteForMs),
})

/** All services among groups, by name. */
export const servicesIn = (groups: readonly GroupView[]): readonly ServiceCount[] => {
  const counts: ServiceCount[] = []
  for (const group of groups) {
    const name = serviceOf(group.name)
    if (name === undefined) continue
    const instances = group.members.flatMap((member) => instanceIn(member) ?? [])
    counts.push({ name, instances: instances.length, up: instances.filter(({ status }) => status === 'up').length })
  }
  return counts.sort((a, b) => compareIds(a.name, b.name))
}
