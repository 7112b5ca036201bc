import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Lines } from '../../../src/demo/lines.ts'

let server: Server
let lines: Lines
const accepted: Socket[] = []
const heard: string[] = []
beforeEach(async () => {
  accepted.length = heard.length = 0
  server = createServer((socket) => {
    accepted.push(socket)
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard.push(text)
      socket.write(`you said ${text}`)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  lines = await Lines.open([{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }])
})
afterEach(async () => {
  lines.close()
  for (const socket of accepted) socket.destroy()
  await once(server.close(), 'close')
})

const call = async () => {
  const socket = connect(lines.ports[0] ?? 0, '127.0.0.1').setEncoding('utf8')
  let text = ''
  socket.on('data', (more: string) => (text += more)).on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, said: () => text }
}
const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 20_000 })
/** Long enough for a mistake to show, and short enough if there is none. */
const aFewTurns = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('what is said goes through, both ways', async () => {
  const { socket, said } = await call()
  socket.write('hello')
  await until(() => said() === 'you said hello')
  socket.end()
  await once(socket, 'close')
})

test('cut, nothing goes through and nobody is told; healed, it arrives late', async () => {
  const { socket, said } = await call()
  socket.write('a')
  await until(() => said() === 'you said a')
  lines.cut()
  socket.write('b')
  // Who calls anew gets a connection on which nobody answers.
  const other = await call()
  other.socket.write('c')
  await aFewTurns()
  expect([heard.join(), socket.destroyed, accepted.length]).toEqual(['a', false, 1])
  lines.heal()
  await until(() => said() === 'you said ayou said b' && other.said() === 'you said c')
})

test('who hangs up behind a cut is heard of only when it is healed', async () => {
  const { socket, said } = await call()
  socket.write('a')
  await until(() => said() !== '')
  lines.cut()
  socket.destroy()
  await aFewTurns()
  expect(accepted[0]?.destroyed).toBe(false)
  lines.heal()
  await until(() => accepted[0]?.destroyed === true)
})

test('closed, every connection ends, cut or not', async () => {
  const { socket } = await call()
  lines.cut()
  const other = await call()
  const [port = 0] = lines.ports
  lines.close()
  await Promise.all([socket, other.socket].map((each) => each.destroyed || once(each, 'close')))
  const refused = connect(port, '127.0.0.1')
  await once(refused, 'error')
})
