import { type Static, Type } from '@sinclair/typebox'

const strict = { additionalProperties: false } as const

/** The backup cannot be used, and why. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** Of files written as this one; what reads them may not know later ones. */
export const backupFormat = 1

/** First line of a backup: what it is and what it needs. */
export const Header = Type.Object(
  {
    format: Type.Literal(backupFormat),
    version: Type.String(),
    created_at: Type.String(),
    migrations: Type.Array(Type.Object({ name: Type.String(), hash: Type.String() }, strict)),
    tables: Type.Array(Type.Object({ name: Type.String(), columns: Type.Array(Type.String()) }, strict)),
    /** The generated key that tokens are signed with, if the directory had one. */
    jwt_secret: Type.Union([Type.String(), Type.Null()]),
  },
  strict,
)
export type Header = Static<typeof Header>

/** Last line: what must have come before it. `sha256` is of every line above. */
export const Trailer = Type.Object(
  {
    sums: Type.Array(
      Type.Object({ name: Type.String(), rows: Type.String(), checksum: Type.String() }, strict),
    ),
    sha256: Type.String(),
  },
  strict,
)
export type Trailer = Static<typeof Trailer>

export const headerPrefix = '-- fastkit backup '
export const trailerPrefix = '-- fastkit end '
