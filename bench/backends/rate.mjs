import { Latencies } from '../support/figures.mjs'

/** Does it over and over for so long, so many at a time, each with a name of its own, and tells the parent how often and how long each took. */
export const rateOf = async (inFlight, durationMs, once) => {
  const latencies = new Latencies()
  let until = performance.now() + durationMs / 4
  let counts = false
  const one = async (name) => {
    for (let now = performance.now(); now < until; ) {
      const began = now
      await once(name)
      now = performance.now()
      if (counts) latencies.add(now - began)
    }
  }
  const all = () => Promise.all(Array.from({ length: inFlight }, (_, i) => one(i)))
  // Once for the compiler.
  await all()
  counts = true
  const began = performance.now()
  until = began + durationMs
  await all()
  process.send({ seconds: (performance.now() - began) / 1_000, counts: [...latencies.counts] })
}
