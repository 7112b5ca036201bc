// What the HTTP library itself leaves: one route, no hooks, the same answer.
import fastify from 'fastify'

const app = fastify()
app.get(
  '/index',
  {
    schema: {
      response: {
        200: {
          type: 'object',
          properties: { status: { type: 'string' }, index: { type: 'number' }, total: { type: 'number' } },
        },
      },
    },
  },
  () => ({ status: 'SETTLED', index: 1234, total: 9999 }),
)
console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`)
