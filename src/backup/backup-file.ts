import {
  chmodSync,
  closeSync,
  createWriteStream,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { syncDir } from '../core/sync-files'
import { verifyBackup } from './read-backup'

/** The destination of a backup. A file gets its final name only when it is complete. */
export type BackupTarget = { output: Writable; commit(): Promise<void>; discard(): void }

/** Creates a file that `commit` renames to `path`. Throws when `path` exists, unless `mayReplace`. */
export function createBackupFile(path: string, { mayReplace }: { mayReplace: boolean }): BackupTarget {
  const partial = `${path}.partial`
  const assertFree = () => {
    if (!existsSync(path)) return
    // Renaming would replace a device such as /dev/null.
    if (!statSync(path).isFile()) throw new Error(`${path} exists and is not a regular file; name another`)
    if (!mayReplace) throw new Error(`${path} exists; --force replaces it`)
  }
  assertFree()
  const descriptor = create(partial)
  return {
    output: createWriteStream(partial, { fd: descriptor, autoClose: false }),
    discard: () => rmSync(partial, { force: true }),
    async commit() {
      fsyncSync(descriptor)
      closeSync(descriptor)
      await verifyBackup(partial)
      assertFree()
      renameSync(partial, path)
      syncDir(dirname(path))
    },
  }
}

/** Creates the partial file, and removes that of a killed backup. No other file has this name. */
function create(partial: string): number {
  try {
    rmSync(partial, { force: true })
    const descriptor = openSync(partial, 'wx', 0o600)
    chmodSync(partial, 0o600)
    return descriptor
  } catch (cause) {
    throw new Error(`${partial} cannot be written: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}
