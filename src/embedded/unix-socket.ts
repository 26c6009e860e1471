import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

// A socket address holds 104 bytes on macOS and 108 on Linux, with the closing NUL.
const maxPathBytes = 103

/** Where something listens: a free path whose directory only this user can enter, since no socket here asks for a password. */
export type PreparedSocket = { path: string; remove(): void }

/**
 * Inside `dataDir` where the path fits, else in a fresh private directory under the system's temporary one, to which a
 * link inside leads. The caller holds the directory's lock, so it may clear away what a killed process left.
 */
export function prepareSocket(dataDir: string, name: string): PreparedSocket {
  const inside = socketInside(dataDir, name)
  mkdirSync(dirname(inside), { recursive: true, mode: 0o700 })
  rmSync(inside, { force: true })
  if (fits(inside)) return { path: inside, remove: () => rmSync(inside, { force: true }) }
  // Not a name made from dataDir: in a shared /tmp somebody else could make that first.
  const dir = mkdtempSync(join(tmpdir(), 'fastkit-'))
  symlinkSync(join(dir, name), inside)
  const remove = () => {
    rmSync(inside, { force: true })
    rmSync(dir, { recursive: true, force: true })
  }
  return { path: join(dir, name), remove }
}

/** Where to reach what listens under `name`; `null` when nothing does. */
export function findSocket(dataDir: string, name: string): string | null {
  const inside = socketInside(dataDir, name)
  try {
    const path = realpathSync(inside)
    const { uid, mode } = statSync(dirname(path))
    // A killed process leaves its link, and in a shared /tmp somebody else could take the place that it leads to.
    const isTrusted = uid === statSync(dataDir).uid && (mode & 0o077) === 0
    if (!isTrusted) return null
    return fits(inside) ? inside : path
  } catch {
    return null
  }
}

const socketInside = (dataDir: string, name: string) => join(dataDir, 'run', name)
const fits = (path: string) => Buffer.byteLength(path) <= maxPathBytes
