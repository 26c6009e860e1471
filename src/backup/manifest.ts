import { type Static, Type } from '@sinclair/typebox'

const strict = { additionalProperties: false } as const

/** The backup cannot be used, and why. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** Version of the file format. A reader refuses later ones. */
export const backupFormat = 1

/** First line of a backup: its format, schema and key. */
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

/** Last line: checksums of the tables, and `sha256` of every line above. */
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
