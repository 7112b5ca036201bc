import type { ErrorCode } from '../errors.ts'

/** What a server asks the demo for whoever looks at its page. */
export type FromServer = { readonly type: 'asked'; readonly number: number } & Question

export type Question = { readonly about: 'state' } | { readonly about: 'order'; readonly order: unknown }

export type ToServer =
  | { readonly type: 'answered'; readonly number: number; readonly answer: unknown }
  | {
      readonly type: 'refused'
      readonly number: number
      readonly error: { readonly code: ErrorCode; readonly message: string }
    }
