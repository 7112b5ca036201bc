import type * as messages from '../core/dispatch/messages.ts'
import type * as sight from '../core/dispatch/sight.ts'
import { MAX_LANES, OUTCOMES, type Outcome } from '../core/dispatch/sight.ts'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import type { Same } from './schemas.ts'
import * as Type from './type.ts'

/* How a topic is used, and what its asks look like from outside. Open, as all answers are: they may gain fields. */

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const rate = (description: string) => Type.Number({ minimum: 0, description })
const ms = (description: string) => Type.Number({ description: `${description}, in milliseconds.` })

export const TopicRates = Type.Object(
  {
    asksPerSecond: rate('Asks that ended.'),
    repliesPerSecond: rate('Replies to them.'),
    errorsPerSecond: rate('Answers without a reply, `refused` ones with them.'),
    refusedPerSecond: rate('Of these, those of producers with too much waiting.'),
    timeoutsPerSecond: rate('Asks that their limit ended.'),
    p50Ms: Type.Optional(ms('So long took half of the asks that ended, at most, to within a sixteenth')),
    p99Ms: Type.Optional(ms('So long took all but one in a hundred, at most')),
  },
  {
    description:
      'How a topic is used lately: the asks that ended in the last five to ten seconds, or since it is there.',
  },
)

const codes = Object.keys(ERROR_CODES) as ErrorCode[]

const AskLane = Type.Object(
  {
    id: Type.String({ description: "The producer's id." }),
    outcome: Type.Unsafe<Outcome>({ type: 'string', enum: [...OUTCOMES] }),
    afterMs: Type.Optional(ms('How long after the ask had begun')),
    code: Type.Optional(Type.Unsafe<ErrorCode>({ type: 'string', enum: codes, description: 'Of an error.' })),
  },
  {
    description:
      'What became of one who was asked. `waiting`: nothing yet; `timeout`: nothing within the limit; `left`: it went away; `released`: it was needed no more.',
  },
)

export const AskSight = Type.Object(
  {
    ask: Type.Integer({ minimum: 1, description: 'Names it within this stream.' }),
    ageMs: ms('How long ago it began'),
    withinMs: ms('Its limit'),
    until: Type.Union([
      Type.Literal('all'),
      Type.Literal('first'),
      Type.Number(),
      Type.Object({ quiet: Type.Number() }),
    ]),
    expected: Count,
    replied: Count,
    errors: Count,
    missing: Count,
    released: Count,
    lanes: Type.Array(AskLane, {
      maxItems: MAX_LANES,
      description: 'One for each who was asked. Of very many only some: those first who have not replied.',
    }),
    ending: Type.Optional(
      Type.Union([
        Type.Literal('met'),
        Type.Literal('exhausted'),
        Type.Literal('timeout'),
        Type.Literal('nobody'),
        Type.Literal('abandoned'),
      ]),
    ),
    tookMs: Type.Optional(ms('How long it took')),
  },
  {
    description:
      'An ask as it looks from outside. Without `ending` it is under way. Nothing of what was said is in it.',
  },
)

export const AsksSeen = Type.Object(
  {
    type: Type.Literal('asks'),
    anew: Type.Boolean({ description: 'What was told before is to be forgotten: `asks` are all that are kept.' }),
    asks: Type.Array(AskSight, { description: 'Those that are new or have changed, oldest first.' }),
    untold: Type.Integer({
      description: 'So many others there were since the last time: more than anybody could follow.',
    }),
    producers: Type.Optional(Count),
    listeners: Type.Optional(Count),
    rates: Type.Optional(TopicRates),
  },
  { description: 'What is new on a topic. Without `rates` nobody is on it.' },
)

// Does not compile once these and the core's types of them have come apart.
const agrees: [
  Same<typeof TopicRates, messages.TopicRates>,
  Same<typeof AskSight, sight.AskSight>,
  Same<typeof AsksSeen, sight.AsksSeen>,
] = [true, true, true]
void agrees
