import type { DemoEvent } from './events.ts'

/** Where a run is told: to a program, into a log, or in a terminal. */
export interface Show {
  tell(event: DemoEvent): void
  /** One more file has been hashed by this worker. */
  hashed(who: string): void
  /** Nothing more is told; the terminal is left as it should be. */
  end(): void
}

export type Write = (text: string) => void

/** NDJSON, one event a line. */
export const jsonShow = (write: Write): Show => ({
  tell: (event) => write(`${JSON.stringify(event)}\n`),
  hashed: () => {},
  end: () => {},
})
