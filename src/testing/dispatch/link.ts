import type { Lane } from '../simulation/network.ts'

/** One connection between a process and one run of the server: what is sent first arrives first, and everything does or nothing any more. */
export interface Link {
  readonly number: number
  readonly client: string
  /** Of the server. */
  readonly run: number
  readonly up: Lane
  readonly down: Lane
  /** Nothing more gets through; with `afterlife` what is under way still does. */
  cut: 'no' | 'yes' | 'afterlife'
  /** Each side, as far as it knows. */
  clientOpen: boolean
  serverOpen: boolean
}
