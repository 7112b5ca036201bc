export type { SqlClient, SqlResult } from './adapters/sql/client.ts'
export { type Fence, type FenceTable, fenceTable, raiseFence } from './adapters/sql/fence-table.ts'
export { type FencedOptions, fenced } from './adapters/sql/fenced.ts'
export { type FencedUpdate, fencedUpdate } from './adapters/sql/fenced-update.ts'
