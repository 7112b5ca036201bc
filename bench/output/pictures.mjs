import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { changePicture } from './change-picture.mjs'
import { contestPicture } from './contest-picture.mjs'
import { failoverPicture } from './failover-picture.mjs'
import { latencyPicture } from './latency-picture.mjs'
import { memoryPicture } from './memory-picture.mjs'
import { ratioPicture } from './ratio-picture.mjs'
import { timesPicture } from './times-picture.mjs'

const PICTURES = {
  'ratios.svg': ratioPicture,
  'hand-over.svg': timesPicture,
  'change.svg': changePicture,
  'memory.svg': memoryPicture,
  'failover.svg': failoverPicture,
  'dispatch.svg': contestPicture,
  'dispatch-latency.svg': latencyPicture,
}

/** Draws every picture for which there are rows, and leaves the others as they are. */
export const drawPictures = async (rows, directory) => {
  await mkdir(directory, { recursive: true })
  for (const [name, draw] of Object.entries(PICTURES)) {
    const picture = draw(rows)
    if (picture !== undefined) await writeFile(join(directory, name), String(picture))
  }
}
