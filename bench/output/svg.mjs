/** Colours that can be read on white and on black; where the reader's surroundings are known to be dark, lighter ones. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #3d444d }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 11px }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
  .axis { stroke: #8c959f; stroke-width: 1; fill: none }
  .grid { stroke: #8c959f; stroke-width: 0.5; opacity: 0.35 }
  .a { fill: #0969da; stroke: #0969da }
  .b { fill: #bc4c00; stroke: #bc4c00 }
  .c { fill: #1a7f37; stroke: #1a7f37 }
  .d { fill: #8250df; stroke: #8250df }
  text.a, text.b, text.c, text.d { stroke: none }
  .mark { stroke: #cf222e; stroke-width: 2 }
  .line { stroke-width: 2 }
  path.line { fill: none }
  .dot { stroke: none; opacity: 0.75 }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7e0 }
    .a { fill: #58a6ff; stroke: #58a6ff }
    .b { fill: #f0883e; stroke: #f0883e }
    .c { fill: #3fb950; stroke: #3fb950 }
    .d { fill: #bc8cff; stroke: #bc8cff }
    .mark { stroke: #ff7b72 }
  }`

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const at = (value) => Math.round(value * 10) / 10

/** A picture that is put together piece by piece. */
export class Picture {
  #width
  #height
  #title
  #parts = []

  constructor(width, height, title) {
    this.#width = width
    this.#height = height
    this.#title = title
    this.text(16, 24, title, 'title')
  }

  text(x, y, text, kind = '') {
    this.#parts.push(`<text x="${at(x)}" y="${at(y)}" class="${kind}">${escaped(text)}</text>`)
  }

  line(x1, y1, x2, y2, kind) {
    this.#parts.push(`<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${kind}"/>`)
  }

  bar(x, y, width, height, kind) {
    this.#parts.push(
      `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" rx="2" class="${kind}"/>`,
    )
  }

  dot(x, y, radius, kind) {
    this.#parts.push(`<circle cx="${at(x)}" cy="${at(y)}" r="${radius}" class="${kind}"/>`)
  }

  path(points, kind) {
    const steps = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`)
    this.#parts.push(`<path d="${steps.join(' ')}" class="${kind}"/>`)
  }

  toString() {
    const size = `width="${this.#width}" height="${this.#height}" viewBox="0 0 ${this.#width} ${this.#height}"`
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n<title>${escaped(this.#title)}</title>\n<style>${STYLE}\n</style>\n${this.#parts.join('\n')}\n</svg>\n`
  }
}

/** Where values of `from` to `to` come to lie between `begin` and `end`. */
export const scale = (from, to, begin, end) => (value) => begin + ((value - from) / (to - from)) * (end - begin)

/** The same by powers of ten. */
export const logScale = (from, to, begin, end) => {
  const linear = scale(Math.log10(from), Math.log10(to), begin, end)
  return (value) => linear(Math.log10(Math.max(value, from)))
}
