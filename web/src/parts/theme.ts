import { useEffect, useState } from 'preact/hooks'
import { Store, useStore } from '../store.ts'

export type Theme = 'auto' | 'light' | 'dark'

export const theme = new Store<{ readonly chosen: Theme }>({ chosen: 'auto' })

const DARK = matchMedia('(prefers-color-scheme: dark)')

/** Whether the page is dark now, by what was chosen or by what the system says. */
export const useIsDark = (): boolean => {
  const { chosen } = useStore(theme)
  const [isDark, setIsDark] = useState(DARK.matches)
  useEffect(() => {
    const changed = () => setIsDark(DARK.matches)
    DARK.addEventListener('change', changed)
    return () => DARK.removeEventListener('change', changed)
  }, [])
  return chosen === 'auto' ? isDark : chosen === 'dark'
}
