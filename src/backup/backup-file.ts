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

/** The place that a backup is written to. It has its name only once it is complete. */
export type BackupTarget = { output: Writable; commit(): Promise<void>; discard(): void }

/** A new file beside `path`. Throws when there is one at `path`, unless it may be replaced, or none can be made. */
export function createBackupFile(path: string, { mayReplace }: { mayReplace: boolean }): BackupTarget {
  const partial = `${path}.partial`
  const assertFree = () => {
    if (!existsSync(path)) return
    // A device would lose its name to the backup.
    if (!statSync(path).isFile()) throw new Error(`${path} is there and is no plain file; name another`)
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

/** A killed backup leaves its partial file; nobody else uses that name. */
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
