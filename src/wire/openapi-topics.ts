import * as answers from './answers.ts'
import { ASK_LINES_TYPE, AskLine } from './ask-lines.ts'
import { AskQuery, TopicName } from './asks.ts'
import { MAX_PAYLOAD_BYTES } from './limits.ts'
import { json, type Operation } from './openapi-operation.ts'
import { AsksSeen } from './topic-asks.ts'
import * as Type from './type.ts'

const ofTopic = Type.Object({ topic: TopicName })

const LINES = Type.Unsafe<string>({
  type: 'string',
  contentMediaType: ASK_LINES_TYPE,
  contentSchema: Type.Array(AskLine),
  description: 'One JSON object a line, each as it arrives. The last one is the summary, or says why there is none.',
})

const STREAM = Type.Unsafe<string>({
  type: 'string',
  contentMediaType: 'text/event-stream',
  contentSchema: Type.Array(AsksSeen),
  description:
    'Server-sent events of the type `asks` without an end. The data of each is one of the items of `contentSchema`, as JSON in one line.',
})

/** What is asked of topics, by method and path. */
export const TOPIC_OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/topics': {
    id: 'listTopics',
    tag: 'topics',
    summary: 'All topics on which somebody is and that the caller may read',
    answers: { 200: json('All of them.', answers.Topics) },
    errors: [],
  },
  'GET /v1/topics/:topic': {
    id: 'getTopic',
    tag: 'topics',
    summary: 'One topic with its producers',
    params: ofTopic,
    answers: { 200: json('The topic as it is now.', answers.TopicView) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  'GET /v1/topics/:topic/asks': {
    id: 'watchAsks',
    tag: 'topics',
    summary: 'How a topic is used, and its asks as they go on: who was asked, and what became of each',
    description:
      'The first event has everything that is known; up to four times a second another one says what is new. Of many asks it shows a sample, and those with somebody missing or failed first. Nothing of what was said is in it, nor who asked. The topic need not be there.',
    params: ofTopic,
    answers: { 200: { description: 'The stream.', type: 'text/event-stream', schema: STREAM } },
    errors: [],
  },
  'POST /v1/topics/:topic/requests': {
    id: 'ask',
    tag: 'topics',
    summary: 'Asks everybody on a topic; their answers come back as they arrive',
    description: `The body is the request: JSON, or bytes as \`application/octet-stream\`; up to ${MAX_PAYLOAD_BYTES} bytes. The status says only that it was asked: what became of it stands in the last line, also when nobody is there (\`CAUCUS_NO_RESPONDERS\`). Closing the connection calls the ask off, and stops the work for it.`,
    params: ofTopic,
    query: AskQuery,
    body: Type.Unknown({ description: 'The request.' }),
    takesBytes: true,
    answers: { 200: { description: 'The answers.', type: ASK_LINES_TYPE, schema: LINES } },
    errors: [],
  },
}
