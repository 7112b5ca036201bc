import { connect } from 'node:net'
import { LINK_PATH } from '../../dist/wire/frames.js'
import { LINK_SUBPROTOCOLS } from '../../dist/wire/versions.js'
import { clientFrame, FrameReader } from './frames.mjs'

/** Resolves with a WebSocket over a bare socket, on which `onText(bytes)` gets each text. */
export const openRaw = (port, onText, path = LINK_PATH) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    let head = Buffer.alloc(0)
    const reader = new FrameReader(onText)
    const raw = { socket, say: (messages) => socket.write(clientFrame(JSON.stringify(messages)).frame) }
    const upgraded = (chunk) => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!head.toString('latin1').startsWith('HTTP/1.1 101')) {
        socket.destroy()
        reject(new Error(`no WebSocket: ${head.toString('latin1', 0, 200)}`))
        return
      }
      socket.off('data', upgraded)
      socket.on('data', (bytes) => reader.push(bytes))
      resolve(raw)
      if (head.length > end + 4) reader.push(head.subarray(end + 4))
    }
    socket.on('data', upgraded)
    socket.on('error', reject)
    socket.on('connect', () =>
      socket.write(
        [
          `GET ${path} HTTP/1.1`,
          `Host: 127.0.0.1:${port}`,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          `Sec-WebSocket-Protocol: ${LINK_SUBPROTOCOLS[0]}`,
          '\r\n',
        ].join('\r\n'),
      ),
    )
  })

/**
 * A member on a link of its own that does as little as a member may: joins, acknowledges what is revoked, and gives the renewal that it is to
 * repeat. `onShare(answer)` hears every answer and push.
 */
export class RawMember {
  #options
  #raw
  #sequence = 0
  share

  constructor(options) {
    this.#options = options
  }

  /** Resolves once it has said that it joins. */
  async join() {
    this.#raw = await openRaw(this.#options.port, (bytes) => this.heard(bytes))
    this.renew()
    return this
  }

  /** The text of a renewal with the sequence that is given. */
  renewal(sequence, { draining = [], acknowledged = [] } = {}) {
    const { group, member, share } = this.#options
    const { generation, incarnation, order = 0, holding = [] } = this.share ?? {}
    const known = incarnation === undefined ? { share } : { incarnation, generation, share }
    return [
      {
        type: 'renew',
        group,
        member,
        bootId: `boot-${member}`,
        sequence,
        order,
        ...known,
        holding,
        draining,
        acknowledged,
      },
    ]
  }

  renew(said) {
    this.#raw.say(this.renewal(++this.#sequence, said))
  }

  heard(bytes) {
    for (const message of JSON.parse(bytes.latin1Slice())) {
      if (message.type === 'refused') throw new Error(`${message.code}: ${message.message}`)
      if (message.type !== 'share') continue
      this.share = message
      if (message.revoked.length > 0) this.renew({ acknowledged: message.revoked })
      this.#options.onShare?.(message)
    }
  }

  get socket() {
    return this.#raw.socket
  }

  /** The connection breaks, and nothing more is said. */
  drop() {
    this.#raw.socket.destroy()
  }
}
