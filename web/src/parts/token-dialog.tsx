import { useRef, useState } from 'preact/hooks'
import { setToken } from '../api.ts'
import { Dialog } from './dialog.tsx'

interface TokenProps {
  readonly title: string
  readonly about: string
  readonly done: () => void
  readonly close: () => void
  /** Another way out. */
  readonly instead?: { readonly label: string; readonly act: () => void }
}

/** Takes a token into memory. The field has no name and stands in no form, so that no browser offers to keep it. */
export const TokenDialog = ({ title, about, done, close, instead }: TokenProps) => {
  const field = useRef<HTMLInputElement>(null)
  const [fault, setFault] = useState('')
  const take = () => {
    const given = field.current?.value.trim() ?? ''
    if (given === '') return setFault('Type or paste the token first.')
    // A header carries nothing else, and fetch would refuse it in words that nobody knows.
    if (!/^[\x21-\x7e]+$/.test(given)) return setFault('A token has no spaces and only plain ASCII characters.')
    setToken(given)
    if (field.current !== null) field.current.value = ''
    done()
  }
  return (
    <Dialog title={title} close={close}>
      <p>{about}</p>
      <label>
        Token
        <input
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          onKeyDown={(event) => event.key === 'Enter' && take()}
        />
      </label>
      <p class="fault" role="alert">
        {fault}
      </p>
      <p class="quiet">It stays in the memory of this page, and is gone when you close or reload it.</p>
      <div class="buttons">
        <button type="button" class="primary" onClick={take}>
          Use this token
        </button>
        {instead !== undefined && (
          <button type="button" onClick={instead.act}>
            {instead.label}
          </button>
        )}
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </Dialog>
  )
}
