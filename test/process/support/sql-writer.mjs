// A candidate of the election `jobs` that writes into PostgreSQL when it is told to, under the token of the tenure that it once had: it looks at
// nothing before. It is told `{ type: 'write' | 'begin', entry, idleMs? }` and, after `begun`, `{ type: 'commit' }`.
// Usage: node sql-writer.mjs SERVER POSTGRES ID, with a channel.
import { once } from 'node:events'
import { connect, remote } from 'caucus'
import { fenced } from 'caucus/sql'
import pg from 'pg'

const [server, postgres, id] = process.argv.slice(2)
const say = (message) => process.send(message)
const pool = new pg.Pool({ connectionString: postgres, application_name: id })
let token

const write = async ({ type, entry, idleMs }) => {
  const client = await pool.connect()
  let failure
  try {
    await fenced(client, { name: 'jobs', token, ...(idleMs && { idleMs }) }, async (tx) => {
      await tx.query('INSERT INTO journal (token, entry) VALUES ($1, $2)', [token, entry])
      if (type === 'write') return
      say({ type: 'begun', entry })
      await once(process, 'message')
    })
    say({ type: 'written', entry })
  } catch (error) {
    failure = error
    say({ type: 'failed', entry, code: error.code, message: error.message })
  } finally {
    client.release(failure)
  }
}
process.on('message', (order) => void (order.type !== 'commit' && write(order)))
process.on('disconnect', () => process.exit())

const caucus = await connect(remote(server))
await caucus.election('jobs').lead(
  async (tenure) => {
    token = tenure.token
    say({ type: 'leads', token })
    await new Promise(() => undefined)
  },
  { id },
)
