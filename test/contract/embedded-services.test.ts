import { embedded } from 'caucus'
import { serviceContract } from './services.ts'

serviceContract('embedded()', async () => ({
  backend: embedded(),
  close: async () => {},
}))
