import type { ErrorCode } from '../errors.ts'
import { GroupName, MemberId } from './http.ts'
import type { TObject, TSchema } from './type.ts'
import * as Type from './type.ts'

export interface Answer {
  readonly description: string
  /** Default: JSON. */
  readonly type?: string
  readonly schema?: TSchema
  readonly headers?: TObject
}

/** What the OpenAPI document says about one route. The schemas are those that the route validates with, or that its answers fit. */
export interface Operation {
  readonly id: string
  readonly tag: 'groups' | 'services' | 'topics' | 'operations' | 'leadership' | 'link' | 'bloc'
  readonly summary: string
  readonly description?: string
  readonly params?: TObject
  readonly query?: TObject
  readonly headers?: TObject
  readonly body?: TSchema
  /** It may be left out. */
  readonly isBodyOptional?: boolean
  /** The body may be bytes instead of JSON. */
  readonly takesBytes?: boolean
  readonly answers: Readonly<Record<number, Answer>>
  /** Besides those that any route may answer. */
  readonly errors: readonly ErrorCode[]
  /** Needs no token. */
  readonly isOpen?: boolean
}

export const ofGroup = Type.Object({ group: GroupName })
export const ofMember = Type.Object({ group: GroupName, member: MemberId })

/** An answer in JSON. */
export const json = (description: string, schema: TSchema): Answer => ({ description, schema })
