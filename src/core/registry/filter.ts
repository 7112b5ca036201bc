import { isSame, memberOf } from '../same.ts'
import type { Instance, InstanceStatus } from './instance.ts'

/** Which instances are meant. What is unsaid is not asked for, except for the status. */
export interface InstanceFilter {
  /** It has all of them. */
  readonly tags?: readonly string[]
  readonly zone?: string
  /** Its metadata has these members with these values. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Default: `up`. */
  readonly status?: InstanceStatus | 'any'
}

export const matches = (instance: Instance, { tags, zone, metadata, status = 'up' }: InstanceFilter): boolean =>
  (status === 'any' || instance.status === status) &&
  (zone === undefined || instance.zone === zone) &&
  (tags === undefined || tags.every((tag) => instance.tags.includes(tag))) &&
  (metadata === undefined ||
    Object.entries(metadata).every(([key, value]) => isSame(value, memberOf(instance.metadata, key))))
