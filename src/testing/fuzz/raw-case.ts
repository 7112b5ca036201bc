import { type Case, Sent } from './case.ts'
import { oneOf, percent } from './draw.ts'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'
import { faultOf, secretIn } from './judge.ts'
import { Line } from './line.ts'
import { RawBytes } from './raw-bytes.ts'

const MOST_KEPT = 200_000

/** Bytes on one connection that began as requests or frames, in pieces of any size, and then its end. */
export const rawCase: Case = async (setting) => {
  const sent = new Sent()
  const { random } = setting
  const bytes = new RawBytes(setting).draw()
  sent.add(bytes)
  let text = ''
  try {
    const line = await Line.open(setting.target, setting.from, (chunk) => {
      if (text.length < MOST_KEPT) text += chunk.toString('latin1')
    })
    try {
      for (const piece of piecesOf(bytes, oneOf(random, [1, 1, 1, 2, 5]))) {
        line.send(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (percent(random, 80)) {
        line.end()
        // A stream of events goes on for whoever still reads it.
        const isOver = () => line.isEnded || text.includes('text/event-stream')
        await line.until('to end a connection that its client has ended', isOver)
      }
    } finally {
      line.cut(percent(random, 50))
    }
    return sent.outcome(faultIn(text, bytes))
  } catch (error) {
    return sent.outcome(error instanceof Error ? error.message : String(error))
  }
}

/** At least of the first answer it is certain what it answers. */
const faultIn = (text: string, bytes: Buffer): string | undefined => {
  const secret = secretIn(text)
  if (secret !== undefined) return `what comes back has ${JSON.stringify(secret)} in it: ${text.slice(0, 300)}`
  if (/HTTP\/1\.1 500 /.test(text) || /"code":"CAUCUS_BACKEND"|CAUCUS_BACKEND: /.test(text))
    return `the server failed: ${text.slice(0, 1_000)}`
  if (text !== '' && !text.startsWith('HTTP/1.1 '))
    return `what comes back is no answer: ${JSON.stringify(text.slice(0, 300))}`
  const isHead = bytes.includes('HEAD')
  const first = isHead ? undefined : firstAnswer(text)
  return first === undefined ? undefined : faultOf(first, undefined, false)
}

const firstAnswer = (text: string): HttpAnswer | undefined => {
  for (const answer of new HttpAnswers(() => false).take(Buffer.from(text, 'latin1'))) return answer
  return undefined
}

const piecesOf = (bytes: Buffer, count: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, n) =>
    bytes.subarray(Math.floor((bytes.length * n) / count), Math.floor((bytes.length * (n + 1)) / count)),
  )
