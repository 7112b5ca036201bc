export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `tcp:8989`, `8989`, `0.0.0.0:8989`, `[::1]:8989`. Without a host it is this machine alone. */
export const parseListenAddress = (text: string): ListenAddress => {
  const {
    v6,
    name,
    digits = '',
  } = /^(?:tcp:)?(?:(?:\[(?<v6>[\da-fA-F:.]+)\]|(?<name>[\w.-]+)):)?(?<digits>\d{1,5})$/.exec(text)?.groups ?? {}
  const port = digits === '' ? Number.NaN : Number(digits)
  if (port <= 65_535) return { host: v6 ?? name ?? '127.0.0.1', port }
  throw new Error(
    'Give tcp:PORT or HOST:PORT, an IPv6 address in brackets, with a port from 0 (any free port) to 65535',
  )
}
