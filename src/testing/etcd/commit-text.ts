import type { Change } from '../../backends/etcd/engine.ts'
import type { SessionRecord, ShareRecord } from '../../backends/etcd/records.ts'
import { epochText, holdingsText } from '../cluster/frame-text.ts'
import type { Commit } from './store.ts'

/** One line about a revision of etcd, for a person. */
export const commitText = ({ revision, changes }: Commit, prefix: string): string =>
  `revision ${revision}: ${changes.map((change) => textOf(change, prefix)).join(' · ')}`

const textOf = (change: Change, prefix: string): string => {
  if (change.type === 'delete') return `${change.key.slice(prefix.length)} is gone`
  const { key, value, createRevision } = change.entry
  const name = key.slice(prefix.length)
  if (name.startsWith('sessions/')) return `${name} ${said(JSON.parse(value) as SessionRecord)}`
  if (name.startsWith('shares/')) return `${name} ${answered(JSON.parse(value) as ShareRecord)}`
  if (name === 'coordinator') return `${name} ${value} (created ${createRevision})`
  return name
}

const said = ({ generation, message }: SessionRecord): string => {
  const { type, sequence } = message
  if (message.type !== 'renew') return `says ${type} ${sequence} to ${generation}`
  const { order, holding, draining, acknowledged } = message
  const parts = [`has ${holdingsText(holding)}`]
  if (draining.length > 0) parts.push(`drains ${holdingsText(draining)}`)
  if (acknowledged.length > 0) parts.push(`let go ${holdingsText(acknowledged)}`)
  return `says ${sequence} to ${generation}, saw ${order}; ${parts.join(', ')}`
}

const answered = ({ session, heard, message }: ShareRecord): string => {
  const head = `for session ${session}, heard ${heard}`
  if (message.type !== 'share') return `${head}: ${message.type}`
  const { order, state, epoch, holding, revoked } = message
  const taken = revoked.length > 0 ? `, takes ${holdingsText(revoked)}` : ''
  return `${head}: order ${order}, gives ${holdingsText(holding)}${taken}; ${state} ${epochText(epoch)}`
}
