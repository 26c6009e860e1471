import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import type { Sql } from 'postgres'
import { copyStatement, endOfCopy, formatRow, formatSequence } from './copy-format'
import type { Chunk } from './export'
import { backupFormat, type Header, headerPrefix, type Trailer, trailerPrefix } from './manifest'
import type { Table, TableChecksum } from './tables'
import { exportContents, type OnChunk, observed } from './transfer'

type Dump = { version: string; jwtSecret: string | null; output: Writable; onChunk: OnChunk }

/** Writes a backup of a database at one moment. Returns the checksums of its tables. */
export const dumpDatabase = (
  sql: Sql,
  { version, jwtSecret, output, onChunk }: Dump,
): Promise<TableChecksum[]> =>
  sql.begin('isolation level repeatable read read only', async (transaction) => {
    const contents = await exportContents(transaction)
    const { migrations, tables, sums } = contents
    const header: Header = {
      format: backupFormat,
      version,
      created_at: new Date().toISOString(),
      migrations,
      tables,
      jwt_secret: jwtSecret,
    }
    await writeBackup({ header, sums, chunks: observed(contents, onChunk) }, output)
    return sums
  })

type Contents = { header: Header; chunks: AsyncIterable<Chunk>; sums: Trailer['sums'] }

/**
 * Writes a backup, compressed with zstd: a script that `psql` can run on an empty schema, between two comments with the
 * header and the checksums. Throws what `output` throws.
 */
export const writeBackup = (contents: Contents, output: Writable): Promise<void> =>
  pipeline(Readable.from(serialize(contents)), createZstdCompress(), output)

async function* serialize({ header, chunks, sums }: Contents): AsyncGenerator<Buffer> {
  const hash = new Bun.CryptoHasher('sha256')
  yield hashed(`${headerPrefix}${JSON.stringify(header)}\n`)
  for await (const text of serializeChunks(chunks)) yield hashed(text)
  const trailer: Trailer = { sums, sha256: hash.digest('hex') }
  yield Buffer.from(`${trailerPrefix}${JSON.stringify(trailer)}\n`)

  function hashed(text: string) {
    hash.update(text)
    return Buffer.from(text)
  }
}

async function* serializeChunks(chunks: AsyncIterable<Chunk>): AsyncGenerator<string> {
  let current: Table | null = null
  for await (const chunk of chunks) {
    const table = 'table' in chunk ? chunk.table : null
    yield separator(current, table) + serializeChunk(chunk)
    current = table
  }
  yield separator(current, null)
}

function separator(last: Table | null, next: Table | null): string {
  if (last === next) return ''
  return (last ? `${endOfCopy}\n` : '') + (next ? `${copyStatement(next)}\n` : '')
}

const serializeChunk = (chunk: Chunk) =>
  'sequence' in chunk
    ? `${formatSequence(chunk.sequence)}\n`
    : chunk.rows.map((row) => `${formatRow(row)}\n`).join('')
