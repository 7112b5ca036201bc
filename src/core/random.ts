/** Chance as an argument: the same seed gives the same sequence on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A whole number in [0, below). */
  below(below: number): number
  /** An independent sequence named by `label`: what one consumer draws never shifts what another gets. */
  fork(label: string): Random
}

const mix = (value: number): number => {
  let z = (value + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush, four additions a draw. */
export const seededRandom = (seed: number): Random => {
  let a = mix(seed)
  let b = mix(a ^ Math.floor(seed / 0x1_0000_0000))
  let c = mix(b)
  let counter = 1
  const draw = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) draw()
  const base = draw()
  return {
    next: () => draw() / 0x1_0000_0000,
    below: (below) => Math.floor((draw() / 0x1_0000_0000) * below),
    fork: (label) => {
      let h = base
      for (let i = 0; i < label.length; i++) h = mix(h ^ label.charCodeAt(i))
      return seededRandom(h)
    },
  }
}
