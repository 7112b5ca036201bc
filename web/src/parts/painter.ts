import { cssOf, mix, type Palette, type Rgb } from '../model/colours.ts'
import { changedCells } from '../model/diff.ts'
import { boxOf, type Layout } from '../model/layout.ts'
import type { Cell } from '../model/picture.ts'

const MOVE_MS = 700

interface Move {
  readonly from: Rgb
  readonly to: Rgb
  readonly sinceMs: number
}

export interface Look {
  readonly layout: Layout
  readonly isDark: boolean
  readonly cursor: number | undefined
  /** The cells of this member stand out. */
  readonly chosen: string | undefined
}

/** Draws a strip of cells on a canvas: once as a whole, and from then on only what has changed. */
export class Painter {
  readonly #canvas: HTMLCanvasElement
  readonly #palette: Palette
  readonly #reduced = matchMedia('(prefers-reduced-motion: reduce)')
  readonly #moves = new Map<number, Move>()
  #drawn: readonly Cell[] = []
  #look: Look | undefined
  #frame = 0
  /** How many cells were drawn, for those who measure. */
  painted = 0

  constructor(canvas: HTMLCanvasElement, palette: Palette) {
    this.#canvas = canvas
    this.#palette = palette
  }

  show(cells: readonly Cell[], look: Look): void {
    const before = this.#look
    this.#look = look
    const isAnew =
      before === undefined ||
      before.isDark !== look.isDark ||
      before.chosen !== look.chosen ||
      before.layout.pitch !== look.layout.pitch ||
      before.layout.columns !== look.layout.columns ||
      before.layout.width !== look.layout.width ||
      before.layout.height !== look.layout.height
    const changed = changedCells(this.#drawn, cells)
    const last = this.#drawn
    // Copied: whose picture this is changes it in place.
    this.#drawn = [...cells]
    if (isAnew) {
      this.#moves.clear()
      this.#resize(look.layout)
      for (const at of cells.keys()) this.#draw(at)
      return
    }
    const now = performance.now()
    for (const at of changed) {
      const from = last[at]
      const to = cells[at]
      if (from === undefined || to === undefined || this.#reduced.matches) this.#draw(at)
      else this.#moves.set(at, { from: this.#colourOf(from), to: this.#colourOf(to), sinceMs: now })
    }
    for (const at of [before.cursor, look.cursor]) if (at !== undefined) this.#draw(at)
    if (this.#moves.size > 0 && this.#frame === 0) this.#frame = requestAnimationFrame(this.#animate)
  }

  close(): void {
    cancelAnimationFrame(this.#frame)
  }

  #resize({ width, height }: Layout): void {
    const ratio = Math.min(devicePixelRatio || 1, 2)
    this.#canvas.width = Math.ceil(width * ratio)
    this.#canvas.height = Math.ceil(height * ratio)
    this.#canvas.style.width = `${width}px`
    this.#canvas.style.height = `${height}px`
    this.#canvas.getContext('2d')?.setTransform(ratio, 0, 0, ratio, 0, 0)
  }

  readonly #animate = (): void => {
    this.#frame = 0
    const now = performance.now()
    for (const [at, { sinceMs }] of this.#moves) {
      this.#draw(at, Math.min(1, Math.max(0, (now - sinceMs) / MOVE_MS)))
      if (now - sinceMs >= MOVE_MS) {
        this.#moves.delete(at)
        this.#draw(at)
      }
    }
    if (this.#moves.size > 0) this.#frame = requestAnimationFrame(this.#animate)
  }

  #colourOf({ owner, phase }: Cell): Rgb {
    const isDark = this.#look?.isDark === true
    const ground: Rgb = isDark ? [44, 51, 63] : [226, 230, 236]
    if (owner === undefined) return ground
    const own = this.#palette.rgbOf(owner, isDark)
    return phase === 'kept' ? mix(own, ground, 0.7) : own
  }

  #draw(at: number, part?: number): void {
    const context = this.#canvas.getContext('2d')
    const look = this.#look
    if (context === null || look === undefined) return
    const { pitch } = look.layout
    const { x, y, size } = boxOf(look.layout, at)
    context.clearRect(x, y, pitch, pitch)
    const cell = this.#drawn[at]
    if (cell === undefined) return
    this.painted++
    const move = this.#moves.get(at)
    const isFaded = look.chosen !== undefined && cell.owner !== look.chosen
    const ground: Rgb = look.isDark ? [26, 31, 39] : [255, 255, 255]
    const colour = part !== undefined && move !== undefined ? mix(move.from, move.to, part) : this.#colourOf(cell)
    context.fillStyle = cssOf(isFaded ? mix(colour, ground, 0.75) : colour)
    fill(context, x, y, size)
    const ink = look.isDark ? '#fff' : '#000'
    if (cell.phase === 'revoked') stripe(context, { x, y, size, ink })
    if (cell.phase === 'kept' && size > 5) {
      context.strokeStyle = ink
      context.lineWidth = 1
      context.setLineDash([2, 2])
      context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
      context.setLineDash([])
    }
    // What has just moved is lit for a moment.
    if (part !== undefined && part < 1) {
      context.strokeStyle = ink
      context.globalAlpha = 1 - part
      context.lineWidth = 2
      context.strokeRect(x + 1, y + 1, size - 2, size - 2)
      context.globalAlpha = 1
    }
    if (look.cursor === at) {
      context.strokeStyle = ink
      context.lineWidth = 2
      context.strokeRect(x + 1, y + 1, size - 2, size - 2)
    }
  }
}

/** Rounded where that is seen and they are few: a plain square is drawn many times faster. */
const fill = (context: CanvasRenderingContext2D, x: number, y: number, size: number): void => {
  if (size < 16) return context.fillRect(x, y, size, size)
  context.beginPath()
  context.roundRect(x, y, size, size, 4)
  context.fill()
}

interface Stripe {
  readonly x: number
  readonly y: number
  readonly size: number
  readonly ink: string
}

/** It is asked to let go: told by a pattern, too, and not by colour alone. */
const stripe = (context: CanvasRenderingContext2D, { x, y, size, ink }: Stripe): void => {
  context.strokeStyle = ink
  context.globalAlpha = 0.7
  context.lineWidth = Math.max(1, size / 8)
  context.beginPath()
  context.moveTo(x, y + size)
  context.lineTo(x + size, y)
  context.stroke()
  context.globalAlpha = 1
}
