import type { Random } from '../../core/random.ts'

/** One of them, by lot. The lot of each is its own, so that it makes no difference to them who else is there. */
export const lucky = <T>(all: readonly T[], nameOf: (one: T) => string, random: Random): T | undefined => {
  const draw = String(random.next())
  let best: { one: T; lot: number } | undefined
  for (const one of all) {
    const lot = random.fork(nameOf(one) + draw).next()
    if (best === undefined || lot > best.lot) best = { one, lot }
  }
  return best?.one
}
