// A price comparison: every shop is asked at once, and whoever has not said anything in time is named and not waited for.
//
// Each shop would be a process of its own; here they are handlers. The audit is a listener that has asked for nothing: however slow it
// is, no customer waits for it.
import type { Caucus, Producer, StandardSchema } from 'caucus'

export interface Wanted {
  readonly sku: string
}
export interface Offer {
  readonly cents: number
}

/** What a shop looks up its price with: it should stop when nobody waits for the answer any more. */
export type LookUp = (sku: string, signal: AbortSignal) => Promise<number>

/** A schema in a few lines; any library that speaks Standard Schema gives one. */
const schema = <Value>(fits: (value: Partial<Value>) => boolean, said: string): StandardSchema<Value> => ({
  '~standard': {
    version: 1,
    vendor: 'example',
    validate: (value) =>
      typeof value === 'object' && value !== null && fits(value as Partial<Value>)
        ? { value: value as Value }
        : { issues: [{ message: said }] },
  },
})

const prices = (caucus: Caucus) =>
  caucus.topic('prices', {
    request: schema<Wanted>(({ sku }) => typeof sku === 'string', 'give { sku }'),
    reply: schema<Offer>(
      ({ cents = -1 }) => Number.isSafeInteger(cents) && cents > 0,
      'a price is whole cents above 0',
    ),
  })

/** Opens a shop. It answers two customers at a time; twenty more may wait. */
export const openShop = (
  caucus: Caucus,
  id: string,
  lookUp: LookUp,
  metadata: { readonly country: string },
): Producer =>
  prices(caucus).produce(async ({ sku }, { signal }) => ({ cents: await lookUp(sku, signal) }), {
    id,
    metadata,
    concurrency: 2,
    queueLimit: 20,
  })

/** The offers of all shops of a country, the cheapest first, and which shops have failed or said nothing. */
export const compare = async (caucus: Caucus, sku: string, country: string, withinMs: number) => {
  const to = { metadata: { country } }
  const { replies, errors, missing, code } = await prices(caucus).gather({ sku }, { withinMs, to })
  if (code === 'CAUCUS_NO_RESPONDERS') return `no shop of ${country} is open`
  const offers = replies.map(({ from, value }) => ({ shop: from, cents: value.cents }))
  return {
    offers: offers.sort((a, b) => a.cents - b.cents),
    failed: errors.map(({ from, error }) => `${from}: ${error.message}`),
    missing,
  }
}

/** The first shop that has it at or below a price; the others need not look any further. */
export const firstBelow = async (caucus: Caucus, sku: string, cents: number, withinMs: number) => {
  for await (const answer of prices(caucus).ask({ sku }, { withinMs })) {
    // Leaving the loop calls the ask off, and with it the shops that are still looking.
    if (answer.type === 'reply' && answer.value.cents <= cents) return answer.from
  }
  return undefined
}

/** Keeps a log of every offer that was made to anybody. */
export const audit = (caucus: Caucus, write: (line: string) => Promise<void>) =>
  prices(caucus).listen((heard) =>
    write(
      heard.type === 'gap' ? `${heard.dropped ?? 'some'} offers missed` : `${heard.from} offers ${heard.value.cents}`,
    ),
  )
