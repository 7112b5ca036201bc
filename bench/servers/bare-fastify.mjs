// What the HTTP library itself leaves: two routes, no hooks, the same answers.
import fastify from 'fastify'

const number = { type: 'number' }
const of = (properties) => ({ schema: { response: { 200: { type: 'object', properties } } } })

const app = fastify()
app.get('/index', of({ status: { type: 'string' }, index: number, total: number }), () => ({
  status: 'SETTLED',
  index: 1234,
  total: 9999,
}))
app.put(
  '/v1/groups/:group/members/:member',
  of({
    generation: number,
    incarnation: number,
    sequence: number,
    order: number,
    state: { type: 'string' },
    index: number,
    total: number,
    epoch: number,
    leaseMs: number,
  }),
  ({ body: { generation, incarnation, sequence, order } }) => {
    const share = { index: 12, total: 64, epoch: 1, leaseMs: 600_000 }
    return { generation, incarnation, sequence, order, state: 'settled', ...share }
  },
)
console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`)
