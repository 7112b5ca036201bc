import { resolveTiming } from '../config/timing.ts'
import type { Once } from '../core/group/onces.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import type { RunTrace, Tracing } from '../ports/tracing.ts'
import { guarded } from '../runtime/tracing.ts'
import { sleep } from '../runtime/wait.ts'
import { isOwnError, resultOf, settled } from './election-lead.ts'
import { type OnceOptions, type OnceResult, type OnceWork, resultOf as resultElsewhere } from './once.ts'
import { OnceCall, type OnceRequest, type Turn } from './once-call.ts'
import { checkAt, checkMemberId, checkOnceName, checkOptions, checkSignal } from './options.ts'

/** The wall clock may be stepped while an instant is waited for. */
const LOOK_AGAIN_MS: Millis = 10_000

/** The calls of `once()` of one connection. */
export class Onces {
  readonly #backend: () => Backend
  readonly #tracing: Tracing | undefined
  readonly #calls = new Set<OnceCall>()
  /** Those whose instant has not come. */
  readonly #sleepers = new Set<AbortController>()

  constructor(backend: () => Backend, tracing?: Tracing) {
    this.#backend = backend
    this.#tracing = tracing
  }

  async once<Result>(
    name: string,
    at: Date | number,
    work: OnceWork<Result>,
    options: OnceOptions,
  ): Promise<OnceResult<Result>> {
    checkOnceName(name)
    const once = { name, atMs: checkAt(at) }
    if (typeof work !== 'function') {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        'once(name, at, work) takes a function: async ({ token, signal }) => { … }',
      )
    }
    checkOptions(options, ['id', 'signal', 'timing'], 'once()')
    const { signal } = options
    checkSignal(signal, 'once()')
    const backend = this.#backend()
    const request = requestOf(once, options, backend)
    signal?.throwIfAborted()
    // Whoever begins to coordinate after the instant cannot know whether it was run.
    backend.prepare?.()
    await this.#comes(once, backend, signal)
    const call = new OnceCall(backend, request, (ended) => this.#calls.delete(ended))
    // It may have been refused already.
    if (!call.over) this.#calls.add(call)
    const first = await call.first(signal)
    if (typeof first === 'string') return resultElsewhere(once, first)
    const trace = guarded(() => this.#tracing?.beginRun({ ...once, token: first.token }))
    return run(call, first, { once, work, signal, trace })
  }

  /** Resolves when the instant has come by this process's wall clock. */
  async #comes({ atMs }: Once, { clocks, wallMs = Date.now }: Backend, signal: AbortSignal | undefined): Promise<void> {
    if (atMs <= wallMs()) return
    const sleeper = new AbortController()
    const abort = () => sleeper.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#sleepers.add(sleeper)
    try {
      for (let leftMs = atMs - wallMs(); leftMs > 0; leftMs = atMs - wallMs()) {
        await sleep(clocks.holder, Math.min(leftMs, LOOK_AGAIN_MS), { signal: sleeper.signal })
      }
    } finally {
      this.#sleepers.delete(sleeper)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends all of them: what waits gives up, what runs is waited for, and what is being reported for a second. */
  async drain(): Promise<void> {
    for (const sleeper of this.#sleepers) {
      sleeper.abort(new CaucusError('CAUCUS_CLOSED', 'this connection is being closed'))
    }
    await Promise.all([...this.#calls].map((call) => call.end()))
  }
}

const requestOf = (once: Once, { id, timing }: OnceOptions, backend: Backend): OnceRequest => {
  const { heartbeatMs, stopMarginMs } = timing === undefined ? backend.timing : resolveTiming(timing)
  const member = id ?? backend.newId()
  checkMemberId(member)
  return { once, member, bootId: backend.newId(), heartbeatMs, stopMarginMs }
}

interface Working<Result> {
  readonly once: Once
  readonly work: OnceWork<Result>
  readonly signal: AbortSignal | undefined
  readonly trace: RunTrace | undefined
}

const run = async <Result>(
  call: OnceCall,
  turn: Turn,
  { once, work, signal, trace }: Working<Result>,
): Promise<OnceResult<Result>> => {
  const abort = () => call.retire(signal?.reason)
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  const begin = () => settled(work, { name: once.name, at: new Date(once.atMs), ...turn })
  const outcome = await (trace === undefined ? begin() : trace.within(begin))
  signal?.removeEventListener('abort', abort)
  const isOwn = isOwnError(outcome, turn)
  const inTime = call.finish('error' in outcome ? 'failed' : 'done')
  const ended = inTime ? ('error' in outcome ? 'failed' : 'done') : 'lost'
  guarded(() => trace?.ended(ended, 'error' in outcome ? outcome.error : undefined))
  await call.heard()
  if (inTime || isOwn) return { ran: true, value: resultOf(outcome) }
  throw turn.signal.reason
}
