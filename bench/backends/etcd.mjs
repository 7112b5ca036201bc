import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { etcdVersion } from '../cluster/etcd.mjs'
import { sleep } from '../support/figures.mjs'
import { freePorts } from '../support/ports.mjs'
import { tracked } from '../support/process.mjs'
import { scratch } from '../support/scratch.mjs'

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
    socket.once('connect', () => socket.end())
  })

/** One node of Debian's etcd as it comes, on a free port of loopback, with its files on a disk; undefined where it is not installed. */
export const startOneEtcd = async () => {
  const version = etcdVersion()
  if (version === undefined) return undefined
  const [client, peer] = await freePorts(2)
  const { directory, remove } = scratch()
  const url = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const options = [
    ...['--data-dir', join(directory, 'etcd'), '--listen-client-urls', url, '--advertise-client-urls', url],
    ...[
      '--listen-peer-urls',
      peerUrl,
      '--initial-advertise-peer-urls',
      peerUrl,
      '--initial-cluster',
      `default=${peerUrl}`,
    ],
  ]
  const child = tracked(spawn('etcd', options, { stdio: 'ignore' }))
  const ended = once(child, 'exit')
  while (!(await answers(client))) await sleep(20)
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
    remove()
  }
  return { version, url, pid: child.pid, stop }
}

/** What etcd has counted since its start: keys put, keys read, transactions, and bytes that clients received. */
export const countsOf = async (url) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const of = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  return {
    puts: of('etcd_debugging_mvcc_put_total'),
    deletes: of('etcd_debugging_mvcc_delete_total'),
    ranges: of('etcd_debugging_mvcc_range_total'),
    transactions: of('etcd_debugging_mvcc_txn_total'),
    sent: of('etcd_network_client_grpc_sent_bytes_total'),
    received: of('etcd_network_client_grpc_received_bytes_total'),
  }
}
