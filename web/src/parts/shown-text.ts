import { shown } from '../model/shown.ts'

interface Element {
  readonly type: unknown
  readonly props: object
}

/** Of Preact's options the one that is told of each element when it is made. */
interface Hooks {
  vnode?(element: Element): void
}

/** What is read aloud or shown beside the text of an element. */
const WORDS = ['aria-label', 'title', 'alt', 'placeholder']

const childOf = (child: unknown): unknown => {
  if (typeof child === 'string') return shown(child)
  return Array.isArray(child) ? child.map(childOf) : child
}

/** From here on every text of every element is `shown`: no view can forget it, and what is sent back to a server stays as it was. */
export const showText = (hooks: Hooks): void => {
  const { vnode: before } = hooks
  hooks.vnode = (element) => {
    if (typeof element.type === 'string') {
      const props = element.props as Record<string, unknown>
      if (props.children !== undefined) props.children = childOf(props.children)
      for (const name of WORDS) {
        const words = props[name]
        if (typeof words === 'string') props[name] = shown(words)
      }
    }
    before?.(element)
  }
}
