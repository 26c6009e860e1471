import { write } from 'node:fs'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { isWouldBlock } from '../core/stdout'

const standardOutput = 1
const retryMilliseconds = 5
const writeSome = promisify(write)

/**
 * Writes all of it to standard output, at the pace of whoever reads. A pipe can come with "do not wait" set by who had it
 * before: then it takes 64 KiB at once, and Bun's own writers lose or repeat the rest. Throws when nobody reads any more.
 */
export async function print(text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; ) {
    try {
      const { bytesWritten } = await writeSome(standardOutput, bytes, at)
      at += bytesWritten
    } catch (error) {
      if (!isWouldBlock(error)) throw error
      await Bun.sleep(retryMilliseconds)
    }
  }
}

/** Standard output as a stream. */
export const printing = (): Writable =>
  new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      print(chunk).then(() => done(), done)
    },
  })
