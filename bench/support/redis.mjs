import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { numberedRequest } from './frames.mjs'
import { freePorts } from './ports.mjs'
import { tracked } from './process.mjs'

const OK = '+OK\r\n'
const START_TRIES = 100

const open = (port) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })

/** A Redis that keeps nothing on disk, where `redis-server` is installed; otherwise undefined. */
export const startRedis = async () => {
  const [port] = await freePorts(1)
  const child = tracked(
    spawn('redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no'], { stdio: 'ignore' }),
  )
  let missing = false
  child.once('error', () => {
    missing = true
  })
  for (let tries = 0; tries < START_TRIES && !missing && child.exitCode === null; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    try {
      const socket = await open(port)
      socket.destroy()
      return { port, pid: child.pid, stop: async () => child.kill('SIGKILL') }
    } catch {
      // It does not listen yet, or is not there: the loop looks again.
    }
  }
  child.kill('SIGKILL')
  return undefined
}

/** What renews a lease in Redis, on so many connections: a key with a value that rises, and a time to live. */
export const redisLoad = async ({ port }, connections) => ({
  sockets: await Promise.all(Array.from({ length: connections }, () => open(port))),
  frames: Array.from({ length: connections }, (_, i) =>
    numberedRequest((number) => {
      const words = ['SET', `member-${i}`, String(number), 'PX', '600000']
      return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
    }),
  ),
  readerOf: (answered) => {
    let bytes = 0
    return {
      push: (chunk) => {
        bytes += chunk.length
        for (; bytes >= OK.length; bytes -= OK.length) answered()
      },
    }
  },
})
