import { MemberId } from './http.ts'
import * as Type from './type.ts'
import { compile, parseJson } from './validate.ts'

/** The body of `POST /v1/leader/transfer`. */
export const TransferBody = Type.Object({ to: Type.Optional(MemberId) }, { additionalProperties: false })

const check = compile(TransferBody)

/** Who is to lead, or what is wrong with how it is said. No body at all says nothing about it. */
export const decodeTransferBody = (text: string): { readonly to?: string } | string => {
  if (text === '') return {}
  const json = parseJson(text)
  if (typeof json === 'string') return `the body ${json}; it is {"to":"ID"}, or {}`
  const fault = check(json.value)
  return fault === undefined
    ? (json.value as { readonly to?: string })
    : `the body is {"to":"ID"}, or {}, and this ${fault}`
}
