import type { Case, Layer } from './case.ts'
import { coordinatorCase } from './coordinator-case.ts'
import { decodeCase } from './decode-case.ts'
import { httpCase } from './http-case.ts'
import { linkCase } from './link-case.ts'
import { rawCase } from './raw-case.ts'

/** How each layer makes a case. */
export const CASES: Readonly<Record<Layer, Case>> = {
  decode: decodeCase,
  coordinator: coordinatorCase,
  http: httpCase,
  link: linkCase,
  raw: rawCase,
}
