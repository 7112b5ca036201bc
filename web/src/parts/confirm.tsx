import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { asApiError } from '../server.ts'
import { Dialog } from './dialog.tsx'

interface ConfirmProps {
  readonly title: string
  readonly doIt: string
  readonly children: ComponentChildren
  readonly act: () => Promise<void>
  readonly close: () => void
}

/** Shows what would come of something, does it when told to, and says why it was not done. */
export const Confirm = ({ title, doIt, children, act, close }: ConfirmProps) => {
  const [fault, setFault] = useState('')
  const [isBusy, setIsBusy] = useState(false)
  const go = async () => {
    setIsBusy(true)
    try {
      await act()
      close()
    } catch (error) {
      setFault(asApiError(error).message)
      setIsBusy(false)
    }
  }
  return (
    <Dialog title={title} close={close}>
      {children}
      <p class="fault" role="alert">
        {fault}
      </p>
      <div class="buttons">
        <button type="button" class="primary" disabled={isBusy} onClick={() => void go()}>
          {doIt}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </Dialog>
  )
}
