export const PAGES = ['overview', 'groups', 'services', 'topics', 'metrics'] as const
export type Page = (typeof PAGES)[number]

/** Which view is shown, and of what. */
export interface Route {
  readonly page: Page
  readonly name?: string
}

/** Reads the part of an address after the `#`; what is none of ours is the overview. */
export const routeOf = (hash: string): Route => {
  const [, page = '', name] = /^#\/([a-z]+)(?:\/(.+))?$/.exec(hash) ?? []
  const found = PAGES.find((each) => each === page)
  if (found === undefined) return { page: 'overview' }
  if (name === undefined) return { page: found }
  try {
    return { page: found, name: decodeURIComponent(name) }
  } catch {
    // Half an escape is no name.
    return { page: found }
  }
}

export const hashOfRoute = ({ page, name }: Route): string =>
  name === undefined ? `#/${page}` : `#/${page}/${encodeURIComponent(name)}`
