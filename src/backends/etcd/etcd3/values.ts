import type { ICompare, IKeyValue, IRangeRequest, IRequestOp, ITxnRequest, ITxnResponse } from 'etcd3'
import { CaucusError } from '../../../errors.ts'
import { type Entry, MAX_OPERATIONS, type Operation, type Outcome, type Transaction } from '../engine.ts'

/** etcd reads an empty key, and an empty end, as this one. */
const NUL = Buffer.from([0])

export const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8')

/** All keys that begin with it. */
export const rangeOf = (prefix: string): { key: Buffer; range_end: Buffer } => {
  const key = bytesOf(prefix)
  // The first key after all of them: the last byte that can be raised is, and what follows it is dropped.
  let length = key.length
  while (length > 0 && key[length - 1] === 0xff) length -= 1
  if (length === 0) return { key: key.length === 0 ? NUL : key, range_end: NUL }
  const end = Buffer.from(key.subarray(0, length))
  end[length - 1] = (end[length - 1] ?? 0) + 1
  return { key, range_end: end }
}

export const entryOf = ({ key, value, create_revision, mod_revision }: IKeyValue): Entry => ({
  key: key.toString('utf8'),
  value: value.toString('utf8'),
  createRevision: Number(create_revision),
  modRevision: Number(mod_revision),
})

/** One page of all that begins with `prefix`, from `first` on, as it was at that revision; as it is where that is not given. */
export const pageOf = (prefix: string, limit: number, first?: Buffer, revision?: number): IRangeRequest => {
  const { key, range_end } = rangeOf(prefix)
  return { key: first ?? key, range_end, limit, ...(revision !== undefined && { revision }) }
}

/** The key that comes next after this one. */
export const keyAfter = (key: Buffer): Buffer => Buffer.concat([key, NUL])

/** It writes nothing, so it may be done twice. */
export const isReading = ({ then, otherwise = [] }: Transaction): boolean =>
  then.every(({ type }) => type === 'get') && otherwise.every(({ type }) => type === 'get')

export const requestOf = (transaction: Transaction): ITxnRequest => {
  const { when = [], then, otherwise = [] } = transaction
  for (const list of [when, then, otherwise]) {
    if (list.length > MAX_OPERATIONS) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `a transaction of etcd has at most ${MAX_OPERATIONS} comparisons, and as many operations on each side, not ${list.length}`,
      )
    }
  }
  // etcd takes a transaction without any operation for one that need not be linearizable.
  const asked: readonly Operation[] = isEmpty(transaction) ? [{ type: 'get', key: when[0]?.key ?? '\0' }] : []
  return {
    compare: when.map(comparisonOf),
    success: [...then, ...asked].map(operationOf),
    failure: [...otherwise, ...asked].map(operationOf),
  }
}

const isEmpty = ({ then, otherwise = [] }: Transaction): boolean => then.length === 0 && otherwise.length === 0

const comparisonOf = ({ key, of, is }: NonNullable<Transaction['when']>[number]): ICompare =>
  of === 'createRevision'
    ? { key: bytesOf(key), result: 'Equal', target: 'Create', create_revision: String(is) }
    : { key: bytesOf(key), result: 'Equal', target: 'Mod', mod_revision: String(is) }

const operationOf = (operation: Operation): IRequestOp => {
  const key = bytesOf(operation.key)
  switch (operation.type) {
    case 'get':
      return { request_range: { key } }
    case 'delete':
      return { request_delete_range: { key } }
    case 'put': {
      const { value, lease } = operation
      return { request_put: { key, value: bytesOf(value), ...(lease !== undefined && { lease }) } }
    }
  }
}

export const outcomeOf = (transaction: Transaction, { succeeded, header, responses }: ITxnResponse): Outcome => ({
  held: succeeded,
  revision: Number(header.revision),
  found: isEmpty(transaction)
    ? []
    : responses.map(({ response_range }) => {
        const entry = response_range?.kvs[0]
        return entry && entryOf(entry)
      }),
})
