import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { createZstdDecompress } from 'node:zlib'
import type { Chunk } from './export'
import { BackupRefused, type Header, type Trailer } from './manifest'
import { createParser } from './parse-backup'

/** The header of a backup and the checksums of its tables. */
export type Manifest = Header & { sums: Trailer['sums'] }

/** Reads a whole backup. Throws BackupRefused unless it is complete and undamaged. */
export async function verifyBackup(path: string): Promise<Manifest> {
  const rows = new Map<string, number>()
  const reading = read(path)
  for (;;) {
    const { value, done } = await reading.next()
    if (done) {
      const isComplete =
        value.sums.length === rows.size && value.sums.every((sum) => `${rows.get(sum.name)}` === sum.rows)
      if (!isComplete) throw new BackupRefused(`${path} does not hold the rows that its checksums list`)
      return value
    }
    if ('table' in value) rows.set(value.table.name, (rows.get(value.table.name) ?? 0) + value.rows.length)
  }
}

/** The contents of a backup. Commit nothing before the end: a wrong checksum throws BackupRefused only there. */
export async function* readChunks(path: string): AsyncGenerator<Chunk> {
  yield* read(path)
}

async function* read(path: string): AsyncGenerator<Chunk, Manifest> {
  const hash = new Bun.CryptoHasher('sha256')
  const parser = createParser(path)
  for await (const block of readLineBlocks(path)) {
    const lines = block.split('\n').slice(0, -1)
    for (const [index, line] of lines.entries()) {
      yield* parser.parseLine(line)
      // The checksum in the last line covers the lines before it.
      if (parser.trailer) hash.update(lines.slice(0, index).map(terminated).join(''))
    }
    if (!parser.trailer) hash.update(block)
    yield* parser.flushRows()
  }
  const { header, trailer } = parser
  if (!header || !trailer) throw new BackupRefused(`${path} is cut off: it has no end`)
  if (trailer.sha256 !== hash.digest('hex'))
    throw new BackupRefused(`${path} is damaged: its checksum is wrong`)
  return { ...header, sums: trailer.sums }
}

const terminated = (line: string) => `${line}\n`
const newline = 0x0a
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** Yields the text of a backup in blocks of complete lines. A line may be longer than one read. */
async function* readLineBlocks(path: string): AsyncGenerator<string> {
  assertZstd(path)
  let partialLine: Buffer[] = []
  for await (const chunk of decompressed(path)) {
    const end = chunk.lastIndexOf(newline) + 1
    if (end > 0) {
      yield Buffer.concat([...partialLine, chunk.subarray(0, end)]).toString()
      partialLine = []
    }
    if (end < chunk.length) partialLine.push(chunk.subarray(end))
  }
  if (partialLine.length > 0) throw new BackupRefused(`${path} is cut off: it ends within a line`)
}

function assertZstd(path: string) {
  if (!readMagic(path).equals(zstdMagic)) throw new BackupRefused(`${path} is not a backup of fastkit`)
}

function readMagic(path: string): Buffer {
  const start = Buffer.alloc(zstdMagic.length)
  try {
    const descriptor = openSync(path, 'r')
    readSync(descriptor, start)
    closeSync(descriptor)
    return start
  } catch (cause) {
    throw new BackupRefused(`${path} cannot be read: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    })
  }
}

async function* decompressed(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path)
  const decompressor = createZstdDecompress()
  file.on('error', (error) => decompressor.destroy(error))
  try {
    yield* file.pipe(decompressor)
  } catch (cause) {
    throw new BackupRefused(`${path} is damaged`, { cause })
  }
}
