import { readFileSync, statSync } from 'node:fs'

/** The text of a file that holds one secret, without the line break at its end. Throws what is wrong, without its path. */
export function readSecretFile(path: string): string {
  const text = decode(readBytes(path)).replace(/[\r\n]+$/, '')
  if (text.trim() === '') throw new Error('is empty')
  return text
}

/** As `readSecretFile`, while the service runs: a pipe has nothing more to say, and would stop everything. */
export function rereadSecretFile(path: string): string {
  if (statOf(path)?.isFIFO()) throw new Error('is a pipe, which can be read once')
  return readSecretFile(path)
}

/** Whether anyone on the machine may put another secret into the file. */
export const isOpenToAll = (path: string) => ((statOf(path)?.mode ?? 0) & 0o002) !== 0

/** `null` for what cannot be looked at: reading it says why. */
function statOf(path: string) {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    throw new Error(`cannot be read${code}`)
  }
}

/** Bytes that are no text would all become the same character, and a random key of them one that can be guessed. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not UTF-8 text')
  }
}
