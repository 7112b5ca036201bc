// Ends with 0 when the server in this container answers, and with 1 when it does not. For HEALTHCHECK, in place of curl.
import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'

const url = new URL(process.env.HEALTH_URL ?? 'http://127.0.0.1:8989/healthz')
const get = url.protocol === 'https:' ? getSecure : getPlain

const fail = (reason) => {
  console.error(`${url}: ${reason}`)
  process.exitCode = 1
}

// It asks its own process and sends no secret, so whose name the certificate has does not matter.
const request = get(url, { agent: false, rejectUnauthorized: false, timeout: 3_000 }, (response) => {
  response.resume()
  if (response.statusCode !== 200) fail(`answered ${response.statusCode}`)
})
request.on('timeout', () => request.destroy(new Error('no answer within 3 s')))
request.on('error', ({ message }) => fail(message))
