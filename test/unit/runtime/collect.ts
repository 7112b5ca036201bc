/** Everything that a loop over `source` sees until it ends. */
export const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const seen: T[] = []
  for await (const value of source) seen.push(value)
  return seen
}
