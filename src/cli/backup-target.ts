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
import { verifyBackup } from '../backup/read-backup'
import { syncDir } from '../core/sync-files'
import { stdoutStream } from './print'

/** Where a backup goes. It does not exist under its name before it is whole. */
export type Target = { output: Writable; commit(): Promise<void>; drop(): void }

/** A new file beside `path`. Throws when there is one at `path`, unless it may be replaced, or none can be made. */
export function fileTarget(path: string, { mayReplace }: { mayReplace: boolean }): Target {
  const partial = `${path}.partial`
  const assertFree = () => {
    if (!existsSync(path)) return
    // A device would lose its name to the backup.
    if (!statSync(path).isFile()) throw new Error(`${path} is there and is no plain file; name another`)
    if (!mayReplace) throw new Error(`${path} exists; --force replaces it`)
  }
  assertFree()
  const descriptor = create(partial)
  const drop = () => rmSync(partial, { force: true })
  return {
    output: createWriteStream(partial, { fd: descriptor, autoClose: false }),
    drop,
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

/** Standard output, for a machine on which no file can be left. */
export const pipeTarget = (): Target => ({
  output: stdoutStream(),
  commit: () => Promise.resolve(),
  drop: () => {
    // What was read of it has no end, and a restore sees that.
  },
})

/** What a killed backup left there has a name of its own and is nobody's. */
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
