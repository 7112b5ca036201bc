// What each thread of topic-worker.ts runs. Node loads it by itself, so it is JavaScript (or TypeScript, where Node loads that).

/** How many primes there are from `from` up to `to`. */
export default ({ from, to }, { signal }) => {
  let primes = 0
  for (let n = Math.max(2, from); n < to; n++) {
    // Nothing is awaited here, and still this says when nobody needs the answer any more.
    if (n % 1_000 === 0 && signal.aborted) throw signal.reason
    if (isPrime(n)) primes++
  }
  return { primes }
}

const isPrime = (n) => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return true
}
