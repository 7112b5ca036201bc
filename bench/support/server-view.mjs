import { get } from 'node:http'

/** How often an event has happened, as the server's own metrics say it. */
export const eventsIn = async ({ url }, event) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^caucus_events_total\\{event="${event}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

/**
 * Follows the events of a group. `heard(event, atMs)` gets each with the instant at which it arrived here. Resolves with a function that ends it,
 * once the server has begun to tell.
 */
export const follow = ({ url }, group, heard) =>
  new Promise((resolve, reject) => {
    const request = get(`${url}/v1/groups/${group}/events`, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        const at = performance.now()
        text += chunk
        const lines = text.split('\n')
        text = lines.pop()
        for (const line of lines) if (line.startsWith('data: ')) heard(JSON.parse(line.slice(6)), at)
      })
      response.on('error', () => {
        // Ended by whoever follows.
      })
      resolve(() => request.destroy())
    })
    request.on('error', reject)
  })
