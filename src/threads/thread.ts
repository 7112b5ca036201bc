// What a thread runs: one job after the other. Started by entry.cts.
import { extname } from 'node:path'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { CaucusError, isCaucusError } from '../errors.ts'
import { handlerFailure, textOf } from '../runtime/dispatch/failure.ts'
import type { Asked, Job, Outcome, ThreadContext } from './messages.ts'
import { ThreadRequest } from './thread-context.ts'

type Handler = (request: unknown, context: ThreadContext) => unknown

/** Without its module a thread can do nothing, and its pool has only the one. */
let loaded: Handler | undefined

/** Called by the pool; never rejects. What it has to say goes through the job's port. */
export default async function work(job: Job): Promise<void> {
  const { port, type } = job
  try {
    if (type === 'serve') return await serve(job)
    await load(job)
    port.postMessage({ type: 'loaded' } satisfies Outcome)
  } catch (thrown) {
    tellFailure(port, thrown)
  }
}

const serve = async (job: Job): Promise<void> => {
  const { port } = job
  const asked: Asked = receiveMessageOnPort(port)?.message
  // Called off while it waited for this thread: the next message says so, and nobody hears what would come of it.
  const calledOff = receiveMessageOnPort(port)
  if (calledOff !== undefined) return port.postMessage({ type: 'skipped' } satisfies Outcome)
  const request = new ThreadRequest(asked, port)
  try {
    const handler = loaded ?? (await load(job))
    const value = await handler(asked.payload, request)
    reply(port, value, request.transferred)
  } finally {
    request.end()
  }
}

const load = async ({ module, exportName }: Job): Promise<Handler> => {
  let exports: Record<string, unknown>
  try {
    exports = await import(module)
  } catch (thrown) {
    throw unloadable(module, thrown)
  }
  const handler = exports[exportName]
  if (typeof handler !== 'function') {
    const there = Object.keys(exports).join(', ') || 'nothing'
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `${module} has no function as its export "${exportName}"; it exports ${there}`,
    )
  }
  loaded = handler as Handler
  return loaded
}

/** What says that the argument is wrong, and not the module. */
const NOT_THERE = ['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT', 'ERR_UNKNOWN_FILE_EXTENSION', 'ENOENT']

const unloadable = (module: string, thrown: unknown): CaucusError => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const isTypeScript = code === 'ERR_UNKNOWN_FILE_EXTENSION' && extname(new URL(module).pathname).endsWith('ts')
  const hint = isTypeScript ? '; this Node loads no TypeScript: compile it, or start Node with a loader for it' : ''
  return new CaucusError(
    NOT_THERE.includes(code) ? 'CAUCUS_INVALID_ARGUMENT' : 'CAUCUS_HANDLER_FAILED',
    `${module} cannot be loaded: ${textOf(thrown)}${hint}`,
    { cause: thrown },
  )
}

const reply = (port: MessagePort, value: unknown, transferred: readonly ArrayBuffer[]): void => {
  try {
    port.postMessage({ type: 'replied', value } satisfies Outcome, transferred)
  } catch (thrown) {
    throw new CaucusError(
      'CAUCUS_HANDLER_FAILED',
      `the reply cannot leave its thread: ${textOf(thrown)}; reply with what structuredClone() can copy`,
    )
  }
}

const tellFailure = (port: MessagePort, thrown: unknown): void => {
  const error = handlerFailure(thrown).toJSON()
  const cause: unknown = isCaucusError(thrown) ? thrown.cause : thrown
  try {
    port.postMessage({ type: 'failed', error, cause } satisfies Outcome)
  } catch {
    // What it knows besides cannot be copied. The code and the message can.
    port.postMessage({ type: 'failed', error: { ...error, details: {} } } satisfies Outcome)
  }
}
