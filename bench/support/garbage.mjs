import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose_gc')

/** Collects all garbage, as with `node --expose-gc`. */
export const collect = runInNewContext('gc')
