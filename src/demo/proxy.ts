// A process of the demo: what workers and servers say to each other goes through it, so that it can be cut off. It is a process of its own,
// since whatever else the demo has to do must not delay anybody's heartbeat.
import { Lines } from './lines.ts'
import type { FromNetwork, ToNetwork } from './messages.ts'

const ways = new Map<string, Lines>()

const obey = async (message: ToNetwork): Promise<void> => {
  const { type, name } = message
  if (type === 'open') {
    const lines = await Lines.open(message.targets)
    ways.set(name, lines)
    process.send?.({ type: 'opened', name, ports: lines.ports } satisfies FromNetwork)
    return
  }
  const lines = ways.get(name)
  if (type === 'cut') lines?.cut()
  else if (type === 'heal') lines?.heal()
  else {
    lines?.close()
    ways.delete(name)
  }
}

process.on('disconnect', () => process.exit(0))
// It may have gone while this was being loaded.
if (!process.connected) process.exit(0)
// Ctrl-C in a terminal reaches every process of the demo; the one that the user sees decides what becomes of the others.
process.on('SIGINT', () => {})
process.on('message', (message: ToNetwork) => void obey(message))
