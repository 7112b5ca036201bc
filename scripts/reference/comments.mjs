// What a doc comment of something public must be: there, and a promise that somebody can read on its own.

import { sourceOf } from './pages.mjs'
import { isHidden } from './signature.mjs'

/** What is wrong with the doc comments of what the doors export, a sentence each. */
export const commentFaults = ({ doors }) => {
  const entries = new Map(
    doors.flatMap(({ exports }) => exports.map(({ entry }) => [`${entry.file}#${entry.name}`, entry])),
  )
  return [...entries.values()].flatMap((entry) => {
    const where = `${sourceOf(entry.file)}: ${entry.name}`
    const members = entry.declarations
      .flatMap(({ node }) => (Array.isArray(node.body?.body) ? node.body.body : []))
      .filter((member) => !isHidden(member))
    return [
      ...faultsOf(where, entry.comment, true),
      ...members.flatMap((member) => {
        const name = member.kind === 'constructor' ? 'constructor' : (member.key?.name ?? member.key?.value ?? '[…]')
        return faultsOf(`${where}.${name}`, entry.commentBefore(member), isPromise(member))
      }),
    ]
  })
}

/** A method promises something; what a field is, its name and type may say by themselves. */
const isPromise = ({ type, kind, computed }) =>
  (type === 'TSMethodSignature' || type === 'MethodDefinition') &&
  kind !== 'constructor' &&
  kind !== 'get' &&
  computed !== true

const FILLER = /^(This|The|An?) (function|method|class|interface|type|helper)\b/

const faultsOf = (where, comment, required) => {
  if (comment === undefined) return required ? [`${where} has no doc comment.`] : []
  const opening = comment.split(/\n/)[0]
  return [
    ...(/^[A-Z`'"[0-9{…]/.test(opening) ? [] : [`${where}: its doc comment does not open with a capital: ${opening}`]),
    ...(/[.:!?]`?$/.test(opening) ? [] : [`${where}: its doc comment opens with no sentence: ${opening}`]),
    ...(FILLER.test(opening) ? [`${where}: its doc comment opens with filler, not with the promise: ${opening}`] : []),
  ]
}
