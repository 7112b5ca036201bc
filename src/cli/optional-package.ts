import { CaucusError } from '../errors.ts'

/** Runs it, and says of a package that is not installed what wanted it and how to get it. */
export const withPackage = async <T>(name: string, option: string, use: () => Promise<T>): Promise<T> => {
  try {
    return await use()
  } catch (error) {
    if (!isMissing(error, name)) throw error
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${option} needs the package ${name}, which is not installed; install it beside caucus: npm install ${name}`,
      { cause: error },
    )
  }
}

/** Node says so itself; or a backend has said it in its own words, for programs. */
const isMissing = (error: unknown, name: string): boolean => {
  const { code, message, cause } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown }
  if (code === 'CAUCUS_INVALID_CONFIG') return isMissing(cause, name)
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)
}
