import type { Lane } from './network.ts'

/** One connection between a member and one run of the coordinator. Its number is the address that the coordinator answers to. */
export interface Link {
  readonly number: number
  readonly run: number
  readonly server: string
  /** Not a link at all, but single calls: each has an address of its own, and one answer. */
  readonly calls: boolean
  readonly up: Lane
  readonly down: Lane
  /** The coordinator's hello was read. */
  greeted: boolean
  /** Something of the member was read. */
  heard: boolean
  open: boolean
}
