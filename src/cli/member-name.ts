import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** Host and process for people; chance, since a container's host name and process id may come again. */
export const defaultId = (): string => `${hostname().slice(0, 200)}-${process.pid}-${randomBytes(3).toString('hex')}`
