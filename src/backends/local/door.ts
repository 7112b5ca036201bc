import { readFileSync } from 'node:fs'
import { CaucusError } from '../../errors.ts'
import { replaceFile } from '../../stores/atomic-file.ts'
import { clearly } from '../../stores/file-store.ts'
import type { Terms } from './terms.ts'

/** Where whoever coordinates is reached, and what lets in. A new one with each term. */
export interface Door {
  readonly term: number
  readonly url: string
  readonly token: string
}

/** What processes are told: where to go, or why nobody is there. `undefined`: nobody yet. */
export type DoorView = Door | CaucusError | undefined

/** Resolves once others can read it. Only this user can: the file is made so, in a directory that is so. */
export const writeDoor = (terms: Terms, { term, url, token }: Door): Promise<void> =>
  clearly(terms.directory, () => replaceFile(terms.directory, `term-${term}.door`, JSON.stringify({ url, token })))

/** `undefined` while there is none. */
export const readDoor = (terms: Terms, term: number): Door | undefined => {
  try {
    const { url, token } = JSON.parse(readFileSync(terms.path(term, 'door'), 'utf8')) as Partial<Door>
    return typeof url === 'string' && typeof token === 'string' ? { term, url, token } : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CaucusError('CAUCUS_BACKEND', `${terms.path(term, 'door')} cannot be read`, { cause: error })
  }
}

export const isDoor = (view: DoorView): view is Door => view !== undefined && !(view instanceof CaucusError)
