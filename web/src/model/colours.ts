import { hashOf } from './hash.ts'

export type Rgb = readonly [number, number, number]

/** Keeps a colour for everybody once seen, and far from those of the others while they are few. */
export class Palette {
  readonly #hues = new Map<string, number>()

  hueOf(owner: string): number {
    const known = this.#hues.get(owner)
    if (known !== undefined) return known
    let hue = hashOf(owner) % 360
    const taken = [...this.#hues.values()]
    // Of more than these, two have to be alike anyhow.
    if (taken.length < 24) {
      const apart = Math.min(50, 300 / (taken.length + 1))
      for (let step = 0; step < 48 && taken.some((other) => distance(hue, other) < apart); step++) {
        hue = (hue + 137.508) % 360
      }
    }
    this.#hues.set(owner, hue)
    return hue
  }

  rgbOf(owner: string, isDark: boolean): Rgb {
    return rgbOfHsl(this.hueOf(owner), 0.58, isDark ? 0.58 : 0.46)
  }
}

const distance = (a: number, b: number): number => {
  const apart = Math.abs(a - b) % 360
  return Math.min(apart, 360 - apart)
}

export const rgbOfHsl = (hue: number, saturation: number, lightness: number): Rgb => {
  const chroma = saturation * Math.min(lightness, 1 - lightness)
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  }
  return [part(0), part(8), part(4)]
}

/** Between two colours: `part` 0 is the first, 1 the second. */
export const mix = (from: Rgb, to: Rgb, part: number): Rgb => [
  Math.round(from[0] + (to[0] - from[0]) * part),
  Math.round(from[1] + (to[1] - from[1]) * part),
  Math.round(from[2] + (to[2] - from[2]) * part),
]

export const cssOf = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`
