/**
 * A model of the original's client, with what it does wrong: it believes its last slot until its next poll says otherwise, fails or has
 * waited for a whole interval, as its timers see it; and it goes on believing after it was stopped.
 */
export class OriginalClient {
  #server
  #intervalMs
  #headers
  #slot = null
  #isRunning = false
  #timer
  #startedAt = 0

  constructor(server, intervalSeconds, { sessionId }) {
    this.#server = server
    this.#intervalMs = intervalSeconds * 1_000
    this.#headers = { 'Bloc-Session-ID': sessionId }
  }

  startService() {
    this.#isRunning = true
    this.#startedAt = performance.now()
    void this.#poll()
  }

  async stopService() {
    try {
      await this.#request('DELETE', 'session', 1_000)
    } catch {
      // As the original: whatever comes of it, it is over.
    }
    this.#isRunning = false
    clearTimeout(this.#timer)
  }

  getIndexTotal() {
    return this.#slot
  }

  async #poll() {
    try {
      const { status, index, total } = await this.#request('GET', 'index', this.#intervalMs)
      this.#slot = status === 'SETTLED' ? [index, total] : null
    } catch {
      this.#slot = null
    }
    if (!this.#isRunning) return
    // The next multiple of the interval since the start, and never the one that is just now.
    const waitedMs = (performance.now() - this.#startedAt) % this.#intervalMs
    this.#timer = setTimeout(() => void this.#poll(), this.#intervalMs - waitedMs)
  }

  async #request(method, path, withinMs) {
    const signal = AbortSignal.timeout(withinMs)
    const response = await fetch(`http://${this.#server}/${path}`, { method, headers: this.#headers, signal })
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    return response.json()
  }
}
