import { readFileSync, statSync } from 'node:fs'

/** Reads a file that holds one secret, without the line break at its end. Throws the reason, without the path. */
export function readSecretFile(path: string): string {
  const text = decode(readBytes(path)).replace(/[\r\n]+$/, '')
  if (text.trim() === '') throw new Error('is empty')
  return text
}

/** Reads the file again while the service runs. A pipe is refused: reading it would block the process. */
export function rereadSecretFile(path: string): string {
  if (statOf(path)?.isFIFO()) throw new Error('is a pipe, which can be read once')
  return readSecretFile(path)
}

/** True when anyone on the machine may write to the file. */
export const isOpenToAll = (path: string) => ((statOf(path)?.mode ?? 0) & 0o002) !== 0

/** `null` for a file that cannot be examined; reading it then gives the reason. */
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

/** Refuses bytes that are not UTF-8: they would all become U+FFFD and make a random key guessable. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not UTF-8 text')
  }
}
