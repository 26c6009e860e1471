import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { copyLine, endOfRows, lineOf, sequenceLine } from './copy-format'
import type { Piece } from './export'
import { type Head, headMark, type Tail, tailMark } from './manifest'
import type { Table } from './tables'

type Contents = { head: Head; pieces: AsyncIterable<Piece>; sums: Tail['sums'] }

/**
 * Writes a backup: a script that `psql` could run on an empty schema, between two comments that say what it is and what
 * must be in it; compressed with zstd. Throws what `output` throws.
 */
export const writeBackup = (contents: Contents, output: Writable): Promise<void> =>
  pipeline(Readable.from(textOf(contents)), createZstdCompress(), output)

async function* textOf({ head, pieces, sums }: Contents): AsyncGenerator<Buffer> {
  const hash = new Bun.CryptoHasher('sha256')
  yield hashed(`${headMark}${JSON.stringify(head)}\n`)
  for await (const text of bodyOf(pieces)) yield hashed(text)
  const tail: Tail = { sums, sha256: hash.digest('hex') }
  yield Buffer.from(`${tailMark}${JSON.stringify(tail)}\n`)

  function hashed(text: string) {
    hash.update(text)
    return Buffer.from(text)
  }
}

async function* bodyOf(pieces: AsyncIterable<Piece>): AsyncGenerator<string> {
  let current: Table | null = null
  for await (const piece of pieces) {
    const table = 'table' in piece ? piece.table : null
    yield between(current, table) + contentOf(piece)
    current = table
  }
  yield between(current, null)
}

function between(last: Table | null, next: Table | null): string {
  if (last === next) return ''
  return (last ? `${endOfRows}\n` : '') + (next ? `${copyLine(next)}\n` : '')
}

const contentOf = (piece: Piece) =>
  'sequence' in piece
    ? `${sequenceLine(piece.sequence)}\n`
    : piece.rows.map((row) => `${lineOf(row)}\n`).join('')
