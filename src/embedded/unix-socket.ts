import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

// The address of a unix socket has 104 bytes on macOS and 108 on Linux, including the final NUL.
const maxPathBytes = 103

/** A free path for a socket, in a directory that only this user can enter: the sockets need no password. */
export type PreparedSocket = { path: string; remove(): void }

/**
 * Prepares a path inside `dataDir`. A path that is too long is replaced by a link to a private temporary directory. The
 * caller holds the lock of `dataDir`, so the socket of a killed process can be removed.
 */
export function prepareSocket(dataDir: string, name: string): PreparedSocket {
  const inside = socketInside(dataDir, name)
  mkdirSync(dirname(inside), { recursive: true, mode: 0o700 })
  rmSync(inside, { force: true })
  if (fits(inside)) return { path: inside, remove: () => rmSync(inside, { force: true }) }
  // A random name: another user of a shared /tmp could create a predictable one first.
  const dir = mkdtempSync(join(tmpdir(), 'fastkit-'))
  symlinkSync(join(dir, name), inside)
  const remove = () => {
    rmSync(inside, { force: true })
    rmSync(dir, { recursive: true, force: true })
  }
  return { path: join(dir, name), remove }
}

/** The path of the socket `name`; `null` when there is none or another user controls it. */
export function findSocket(dataDir: string, name: string): string | null {
  const inside = socketInside(dataDir, name)
  try {
    const path = realpathSync(inside)
    const { uid, mode } = statSync(dirname(path))
    // A killed process leaves its link, and another user of a shared /tmp could create the directory behind it.
    const isTrusted = uid === statSync(dataDir).uid && (mode & 0o077) === 0
    if (!isTrusted) return null
    return fits(inside) ? inside : path
  } catch {
    return null
  }
}

const socketInside = (dataDir: string, name: string) => join(dataDir, 'run', name)
const fits = (path: string) => Buffer.byteLength(path) <= maxPathBytes
