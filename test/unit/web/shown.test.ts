import { expect, test } from 'vitest'
import { shown } from '../../../web/src/model/shown.ts'
import { showText } from '../../../web/src/parts/shown-text.ts'

test.each([
  ['worker-1', 'worker-1'],
  ['Zoë 東京 🚀', 'Zoë 東京 🚀'],
  ['worker\u202e1-b', 'worker\\u202e1-b'],
  ['worker\u200b-1', 'worker\\u200b-1'],
  ['\u3164', '\\u3164'],
  ['\u{e0041}', '\\u{e0041}'],
])('%j is shown as %j', (text, expected) => {
  expect(shown(text)).toBe(expected)
})

test('every element shows its text so, and a component is given it as it is', () => {
  const seen: object[] = []
  const hooks = { vnode: (element: { type: unknown; props: object }) => void seen.push(element) }
  showText(hooks)
  const element = {
    type: 'p',
    props: { children: ['a\u202e', ['b\u200b', 3]], 'aria-label': 'c\u202e', 'data-id': 'd\u202e' },
  }
  const component = { type: () => null, props: { children: 'e\u202e' } }
  for (const each of [element, component]) hooks.vnode(each)
  expect(element.props).toEqual({
    children: ['a\\u202e', ['b\\u200b', 3]],
    'aria-label': 'c\\u202e',
    'data-id': 'd\u202e',
  })
  expect(component.props).toEqual({ children: 'e\u202e' })
  expect(seen).toHaveLength(2)
})
