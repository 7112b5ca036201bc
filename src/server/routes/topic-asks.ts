import type { FastifyInstance } from 'fastify'
import type { AsksSeen } from '../../core/dispatch/sight.ts'
import { topicFault } from '../../wire/asks.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'
import { streamSse } from './sse.ts'

interface OfTopic {
  Params: { topic: string }
}

/** The asks of a topic as they go on, for whoever looks: who was asked and what became of it, and nothing of what was said. */
export const topicAskRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { topics, desk } = context
  app.get<OfTopic>('/v1/topics/:topic/asks', { exposeHeadRoute: false }, (request, reply) => {
    const { topic } = request.params
    const fault = topicFault(topic)
    if (fault !== undefined) throw invalid(fault)
    desk.callerOf(request.raw).principal.requireReadOn(topic)
    streamSse(
      {
        request,
        reply,
        mayRead: (principal) => principal.on(topic).reads,
        read: (signal) => topics.watch(topic, { signal }),
        textOf,
      },
      context,
    )
  })
}

/** Many read the same. */
const texts = new WeakMap<AsksSeen, string>()

const textOf = (seen: AsksSeen): string => {
  const known = texts.get(seen)
  if (known !== undefined) return known
  const text = `event: asks\ndata: ${JSON.stringify(seen)}\n\n`
  texts.set(seen, text)
  return text
}
