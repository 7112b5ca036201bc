import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CaucusError } from '../../errors.ts'
import { invalid, JSON_TYPE, notFound } from '../answers.ts'
import { plainSession, readSession } from '../session-header.ts'
import { Twins } from '../twins.ts'
import type { ServerContext } from './context.ts'

const SETTLING = '{"status": "SETTLING"}'
/** For how long an answer may be believed; only clients that know it read it. */
const LEASE_HEADER = 'caucus-lease-ms'

/** bloc's two routes. The first is the hottest path of the server: no promise, no schema and no log line on it. */
export const blocRoutes = (
  app: FastifyInstance,
  { hosting, counts, logger, desk, pollGroup }: ServerContext & { readonly pollGroup: string },
): void => {
  const twins = new Twins()

  const poll = (request: FastifyRequest, reply: FastifyReply): void => {
    const session = plainSession(request.raw) ?? idOf(request)
    const caller = desk.callerOf(request.raw)
    const fault = desk.ownership.use(caller, pollGroup, session)
    if (fault !== undefined) throw fault
    counts.polls++
    // A connection of another peer carries whatever that one is asked.
    if (caller.by === undefined && twins.polled(session, request.raw.socket)) {
      counts.twins++
      logger.warn(
        { event: 'session.shared', session },
        'two live clients poll under one session id; they get the same slot. Give each its own',
      )
    }
    const answer = hosting.poll(session)
    if (answer.type !== 'polled') throw unexpected(answer)
    // Straight to Node: what the framework would do with a string is a tenth of this request.
    reply.hijack()
    if (answer.status === 'SETTLING') return say(reply, SETTLING)
    const { index, total, leaseMs } = answer
    say(reply, `{"status": "SETTLED", "index": ${index}, "total": ${total}}`, LEASE_HEADER, String(leaseMs))
  }

  app.get('/index', poll)

  app.delete('/session', (request, reply) => {
    const session = plainSession(request.raw) ?? idOf(request)
    const fault = desk.ownership.leave(desk.callerOf(request.raw), pollGroup, session)
    if (fault !== undefined) throw fault
    const answer = hosting.pollerLeft(session)
    if (answer.type !== 'removed') throw unexpected(answer)
    if (!answer.found) throw notFound('such session')
    reply.header('content-type', JSON_TYPE).send('{}')
  })
}

/** All headers as one list: set one by one, they would be checked and looked up again one by one. The text is ASCII. */
const say = ({ raw }: FastifyReply, text: string, ...headers: string[]): void => {
  raw.writeHead(200, ['content-type', JSON_TYPE, 'content-length', String(text.length), ...headers])
  raw.end(text)
}

const idOf = ({ raw }: FastifyRequest): string => {
  const session = readSession(raw)
  if ('fault' in session) throw invalid(session.fault)
  return session.id
}

const unexpected = (answer: { type: string; code?: CaucusError['code']; message?: string }): CaucusError =>
  new CaucusError(answer.code ?? 'CAUCUS_BACKEND', answer.message ?? 'the coordinator gave no answer')
