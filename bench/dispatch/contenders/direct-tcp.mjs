import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { answerOf, Gathers } from './direct.mjs'

/** The floor: a TCP connection from the asker to each responder, lines of JSON, and what one turn of the loop has to say in one write. */
export const name = 'direct TCP'

/** Lines over a socket. `onLine` gets each that comes; `say(line)` sends it with all others of this turn. */
class Lines {
  #socket
  #waiting = ''
  #rest = ''

  constructor(socket, onLine) {
    this.#socket = socket.setNoDelay(true).setEncoding('utf8')
    socket.on('data', (text) => {
      const lines = (this.#rest + text).split('\n')
      this.#rest = lines.pop()
      for (const line of lines) onLine(line)
    })
  }

  say(line) {
    if (this.#waiting === '') setImmediate(() => this.#flush())
    this.#waiting += `${line}\n`
  }

  #flush() {
    this.#socket.write(this.#waiting)
    this.#waiting = ''
  }
}

export const respond = async (numbers) => {
  const listening = numbers.map(async (number) => {
    const answer = answerOf(number)
    const server = createServer((socket) => {
      const lines = new Lines(socket, async (line) => lines.say(await answer(line)))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return server.address().port
  })
  return await Promise.all(listening)
}

export const asker = async (targets) => {
  const sockets = targets.flat().map((port) => connect(port, '127.0.0.1'))
  const gathers = new Gathers((text) => {
    for (const lines of all) lines.say(text)
  })
  const all = sockets.map((socket) => new Lines(socket, (line) => gathers.take(line)))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return (topic, request, options) => gathers.ask(topic, request, options)
}
