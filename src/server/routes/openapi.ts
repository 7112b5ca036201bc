import type { FastifyInstance } from 'fastify'
import { openApiDocument, type Route } from '../../wire/openapi.ts'
import { JSON_TYPE } from '../answers.ts'
import type { ServerContext } from './context.ts'

/** Describes the routes of a server, all that are registered after it and its own. To be called before any of them. */
export const openApiRoutes = (app: FastifyInstance, { version }: Pick<ServerContext, 'version'>): void => {
  const routes: Route[] = []
  let text: string | undefined
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, path: url })
  })
  app.addHook('onReady', (done) => {
    text = JSON.stringify(openApiDocument(routes, version))
    done()
  })

  app.get('/openapi.json', (_request, reply) => {
    reply.header('content-type', JSON_TYPE).send(text)
  })
}
