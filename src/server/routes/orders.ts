import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Order } from '../../core/group/orders.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { pathFault } from '../../wire/http.ts'
import { decodePinBody, PARTITION_FAULT, partitionOf } from '../../wire/operator.ts'
import type { AuditEntry } from '../access/audit.ts'
import type { Caller } from '../access/caller.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'

interface OfMember {
  Params: { group: string; member: string }
}
interface OfPin {
  Params: { group: string; partition: string }
}

/** What operators order of a group and of its members, for those who may evict. Each leaves a line in the audit log. */
export const registerOrders = (app: FastifyInstance, { hosting, desk }: ServerContext): void => {
  const order = async (caller: Caller, group: string, what: Order): Promise<void> => {
    try {
      await hosting.order(group, what)
    } catch (error) {
      desk.audit.ordered(caller, group, what, failureOf(error))
      throw error
    }
    desk.audit.ordered(caller, group, what, { outcome: 'done' })
  }
  const pinOf = (group: string, partition: number) =>
    hosting.viewOf(group)?.pins?.find((each) => each.partition === partition)

  const ofAll = async (request: FastifyRequest, what: Order & { readonly type: 'freeze' | 'thaw' }): Promise<void> => {
    const group = sound(request)
    const caller = desk.callerOf(request.raw)
    caller.principal.requireAll(group, `${what.type} the group`)
    await order(caller, group, what)
  }
  app.put('/v1/groups/:group/freeze', async (request) => {
    await ofAll(request, { type: 'freeze' })
    return { frozen: true }
  })
  app.delete('/v1/groups/:group/freeze', async (request) => {
    await ofAll(request, { type: 'thaw' })
    return { frozen: false }
  })

  app.put<OfPin>('/v1/groups/:group/pins/:partition', async (request) => {
    const { params, body } = request
    const group = sound(request, true)
    const partition = soundPartition(params.partition)
    const pin = decodePinBody(typeof body === 'string' ? body : '')
    if (typeof pin === 'string') throw invalid(pin)
    const caller = desk.callerOf(request.raw)
    // The pin that it takes the place of is taken back by it.
    const before = pinOf(group, partition)
    if (before !== undefined) caller.principal.requireOver(group, before.member, 'unpin')
    caller.principal.requireOver(group, pin.member, 'pin')
    await order(caller, group, { type: 'pin', partition, ...pin })
    return { pinned: true }
  })
  app.delete<OfPin>('/v1/groups/:group/pins/:partition', async (request) => {
    const group = sound(request)
    const what = { type: 'unpin', partition: soundPartition(request.params.partition) } as const
    const caller = desk.callerOf(request.raw)
    const { principal } = caller
    const pin = pinOf(group, what.partition)
    // Whoever may order something only of some members may take back only their pins. Of one that is not there nobody knows whose it would
    // be by the time that the order is in force.
    if (pin !== undefined) principal.requireOver(group, pin.member, 'unpin')
    else if (!principal.in(group).evictsSome) principal.requireAll(group, 'take pins away in the group')
    else if (!principal.in(group).evictsAll) {
      const fault = new CaucusError('CAUCUS_NOT_FOUND', NO_PIN)
      desk.audit.ordered(caller, group, what, failureOf(fault))
      throw fault
    }
    await order(caller, group, what)
    return { pinned: false }
  })

  const ofOne = async (request: FastifyRequest<OfMember>, type: 'drain' | 'undrain'): Promise<void> => {
    const { member } = request.params
    const group = sound(request)
    const caller = desk.callerOf(request.raw)
    caller.principal.requireOver(group, member, type)
    await order(caller, group, { type, member })
  }
  app.put<OfMember>('/v1/groups/:group/members/:member/drain', async (request) => {
    await ofOne(request, 'drain')
    return { drained: true }
  })
  app.delete<OfMember>('/v1/groups/:group/members/:member/drain', async (request) => {
    await ofOne(request, 'undrain')
    return { drained: false }
  })
}

const NO_PIN = 'this partition is not pinned; nothing changed'

/** The group of the path, whose ids are sound; but for a pin there is no body that could be meant. */
const sound = (request: FastifyRequest, hasBody = false): string => {
  const { group, member } = request.params as { group: string; member?: string }
  const fault = pathFault(group, member)
  if (fault !== undefined) throw invalid(fault)
  if (!hasBody && typeof request.body === 'string' && request.body.trim() !== '') {
    throw invalid('this request has no body: its path says it all')
  }
  return group
}

const soundPartition = (text: string): number => {
  const partition = partitionOf(text)
  if (partition === undefined) throw invalid(PARTITION_FAULT)
  return partition
}

const failureOf = (error: unknown): Pick<AuditEntry, 'outcome' | 'code'> => {
  if (!isCaucusError(error)) return { outcome: 'failed' }
  return { outcome: error.code === 'CAUCUS_NOT_FOUND' ? 'not found' : 'failed', code: error.code }
}
