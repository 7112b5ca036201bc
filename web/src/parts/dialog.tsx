import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

interface DialogProps {
  readonly title: string
  readonly children: ComponentChildren
  readonly close: () => void
}

/**
 * Keeps the keyboard inside until it is closed, and gives it back where it was. Both happen with the key that asks for it: a browser tells
 * of a closed dialog later, and an effect waits for the next frame, and what is pressed in between would be lost.
 */
export const Dialog = ({ title, children, close }: DialogProps) => {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    // Closing is what gives the keyboard back: as long as it is open, nothing else can have it.
    return () => dialog?.close()
  }, [])
  const cancel = (event: Event) => {
    event.preventDefault()
    close()
  }
  // That it was closed is told after it is gone, too, when the next one may be open.
  const closed = () => {
    if (ref.current !== null) close()
  }
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={cancel} onClose={closed}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}
