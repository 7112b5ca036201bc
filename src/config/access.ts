/** What somebody may do; each includes the one before it. */
export const ROLES = ['read', 'member', 'admin'] as const
/** What an identity may do: `read` looks, `member` takes part as well, `admin` gives orders too. */
export type Role = (typeof ROLES)[number]

/** A right, and where it holds. */
export interface Grant {
  readonly role: Role
  /** Patterns of groups; without them all. */
  readonly groups?: readonly string[]
  /**
   * Patterns of member ids; without them all that nobody else uses. An id that a pattern names may be used even while somebody else
   * does. `{identity}` stands for the name of whoever it is granted to.
   */
  readonly members?: readonly string[]
  /** Patterns of topics; without them all. */
  readonly topics?: readonly string[]
}

/** How somebody shows who it is. */
export type Credential =
  | { readonly type: 'token'; readonly token: string }
  /** Of the token, in hexadecimal digits: who reads the file cannot use it. */
  | { readonly type: 'sha256'; readonly sha256: string }
  /** A pattern of the name in a certificate that the server's authority has signed. */
  | { readonly type: 'certificate'; readonly pattern: string }

/** One entry of a token file, or of `tokens` in a configuration. Those of one credential add up. */
export interface AccessRule {
  /** Who shows the credential, for logs and for what belongs to whom. Of a certificate undefined: it says its name itself. */
  readonly name: string | undefined
  readonly credential: Credential
  readonly grant: Grant
}

/** A token by itself may do everything. */
export const ruleOfToken = (token: string, name: string): AccessRule => ({
  name,
  credential: { type: 'token', token },
  grant: { role: 'admin' },
})
