const KEPT_BYTES = 1_024

/** The last kilobyte of what was said, from the beginning of a line where there is one. */
export class Tail {
  #bytes = Buffer.alloc(0)
  #isCut = false

  add(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk])
    this.#isCut ||= all.length > KEPT_BYTES
    this.#bytes = all.subarray(-KEPT_BYTES)
  }

  text(): string {
    const said = this.#bytes.toString('utf8')
    if (!this.#isCut) return said.trim()
    const line = said.indexOf('\n')
    // The last byte may be the end of a line, and the only one.
    const whole = line >= 0 && line < said.length - 1 ? said.slice(line + 1) : said
    return `… ${whole.trim()}`
  }
}
