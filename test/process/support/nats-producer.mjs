// A producer on the topic `t` over NATS, in a process of its own. Usage: node nats-producer.mjs URL ID
// It says `ready`, then the name of each request that it begins. `silent` it never answers; `stream` it answers with bytes without end.
import { connect, embedded } from 'caucus'
import { nats } from 'caucus/nats'

const [url, id] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${line}\n`)

const caucus = await connect(embedded(), { topics: nats(url) })
const endless = async function* () {
  for (;;) yield new Uint8Array(1_000)
}
const producer = caucus.topic('t').produce(
  (request, { signal }) => {
    say(request)
    if (request === 'silent') return new Promise((resolve) => signal.addEventListener('abort', resolve))
    return request === 'stream' ? endless() : `${id} has ${request}`
  },
  { id, concurrency: 10 },
)
await producer.ready()
say('ready')
