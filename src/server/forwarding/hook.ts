import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Forwarder } from './forwarder.ts'

export type PassesOn = Pick<Forwarder, 'request'>

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (fault?: Error) => void) => void

/** Has a request answered by whoever serves. `isOwn`: this peer answers it also when it does not. */
export const passOn =
  (forwarder: PassesOn, isOwn: () => boolean = () => false): Hook =>
  (request, reply, done) => {
    if (isOwn()) return done()
    forwarder.request(request.raw, reply.raw, { here: done, refuse: done, begun: () => void reply.hijack() })
  }
