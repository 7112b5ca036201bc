import { hashOf } from './hash.ts'

export type Rgb = readonly [number, number, number]

/** Hue, chroma and lightness of colours that are told apart side by side. */
const TOLD_APART: readonly (readonly [hue: number, chroma: number, lightness: number])[] = [
  [250, 0.12, 0.62],
  [52, 0.14, 0.72],
  [152, 0.13, 0.66],
  [305, 0.13, 0.64],
  [90, 0.14, 0.8],
  [205, 0.1, 0.72],
  [22, 0.15, 0.62],
  [125, 0.14, 0.75],
  [350, 0.12, 0.73],
  [275, 0.13, 0.54],
  [185, 0.09, 0.58],
  [55, 0.07, 0.52],
]
/** So much brighter on a dark ground. */
const GLOW = 0.04

/** Gives each its colour in the order in which they are first seen, and keeps it. */
export class Palette {
  readonly #places = new Map<string, number>()

  rgbOf(owner: string, isDark: boolean): Rgb {
    const place = this.#places.get(owner) ?? this.#places.size
    // Of the others each is told by itself, however many come and go.
    if (place < TOLD_APART.length) this.#places.set(owner, place)
    const [hue, chroma, lightness] = TOLD_APART[place] ?? farther(owner)
    return rgbOfOklch(hue, chroma, lightness + (isDark ? GLOW : 0))
  }
}

/** Of more than the list has, two are alike anyhow. */
const farther = (owner: string): readonly [number, number, number] => {
  const hash = hashOf(owner)
  return [hash % 360, 0.08 + ((hash >>> 9) % 3) * 0.03, 0.55 + ((hash >>> 12) % 5) * 0.05]
}

/** Of the OKLCH colour space, in which colours of one lightness look equally light: no owner stands out by its hue. */
export const rgbOfOklch = (hue: number, chroma: number, lightness: number): Rgb => {
  const angle = (hue * Math.PI) / 180
  const a = chroma * Math.cos(angle)
  const b = chroma * Math.sin(angle)
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    byte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]
}

/** From linear light, cut to what a screen has. */
const byte = (light: number): number => {
  const encoded = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055
  return Math.round(255 * Math.min(1, Math.max(0, encoded)))
}

/** Between two colours: `part` 0 is the first, 1 the second. */
export const mix = (from: Rgb, to: Rgb, part: number): Rgb => [
  Math.round(from[0] + (to[0] - from[0]) * part),
  Math.round(from[1] + (to[1] - from[1]) * part),
  Math.round(from[2] + (to[2] - from[2]) * part),
]

export const cssOf = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`
