import { write } from 'node:fs'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { isWouldBlock } from '../core/stdout'

const standardOutput = 1
const retryMilliseconds = 5
const writeChunk = promisify(write)

/**
 * Writes everything to standard output at the pace of the reader. Throws when the reader is gone.
 * See docs/workarounds.md#bun-stdout-nonblocking.
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

/** Standard output as a stream with backpressure. */
export const stdoutStream = (): Writable =>
  new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      print(chunk).then(() => done(), done)
    },
  })
