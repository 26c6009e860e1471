import { write } from 'node:fs'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { isWouldBlock } from '../core/stdout'

const standardOutput = 1
const retryMilliseconds = 5
const writeChunk = promisify(write)

/**
 * Writes everything to standard output at the pace of the reader. A pipe may be non-blocking because another process set
 * it so; Bun's own writers then lose or repeat data beyond 64 KiB. Throws when the reader is gone.
 */
export async function print(text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; ) {
    try {
      const { bytesWritten } = await writeChunk(standardOutput, bytes, at)
      at += bytesWritten
    } catch (error) {
      if (!isWouldBlock(error)) throw error
      await Bun.sleep(retryMilliseconds)
    }
  }
}

/** Standard output as a stream. */
export const stdoutStream = (): Writable =>
  new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      print(chunk).then(() => done(), done)
    },
  })
