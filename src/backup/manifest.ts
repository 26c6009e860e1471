import { type Static, Type } from '@sinclair/typebox'

const strict = { additionalProperties: false } as const

/** The backup is unusable. The message says why. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused'
}

/** The version of the file format. Later versions are refused. */
export const backupFormat = 1

/** The first line of a backup: its format, schema and key. */
export const Header = Type.Object(
  {
    format: Type.Literal(backupFormat),
    version: Type.String(),
    created_at: Type.String(),
    migrations: Type.Array(Type.Object({ name: Type.String(), hash: Type.String() }, strict)),
    tables: Type.Array(Type.Object({ name: Type.String(), columns: Type.Array(Type.String()) }, strict)),
    /** The generated signing key of tokens; `null` when the directory had none or --no-key left it out. */
    jwt_secret: Type.Union([Type.String(), Type.Null()]),
  },
  strict,
)
export type Header = Static<typeof Header>

/** The last line: checksums of the tables, and the `sha256` of all lines above. */
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
