import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

// A socket address holds 104 bytes on macOS and 108 on Linux, with the closing NUL.
const LONGEST_PATH_BYTES = 103

/** Where the database listens: a free path whose directory only this user can enter, since the socket asks for no password. */
export type SocketPlace = { path: string; remove(): void }

/** Inside `dataDir` where the path fits, else in a fresh private directory under the system's temporary one. */
export function placeSocket(dataDir: string): SocketPlace {
  const inside = join(dataDir, 'run', 'pg.sock')
  if (Buffer.byteLength(inside) <= LONGEST_PATH_BYTES) {
    mkdirSync(dirname(inside), { recursive: true, mode: 0o700 })
    // The holder of the directory lock may clear away what a killed process left.
    rmSync(inside, { force: true })
    return { path: inside, remove: () => rmSync(inside, { force: true }) }
  }
  // Not a symlink nor a name made from dataDir: in a shared /tmp somebody else could make that first.
  const dir = mkdtempSync(join(tmpdir(), 'fastkit-'))
  return { path: join(dir, 'pg.sock'), remove: () => rmSync(dir, { recursive: true, force: true }) }
}
