import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncDir } from '../core/sync-files'

/** The entries of `DATA_DIR` that a restore replaces. The key is first, because a database without its key is useless. */
const restoredEntries = ['jwt-secret', 'pg'] as const

const stagingName = 'restore.partial'
const committedName = 'restored'

/** True for a directory with a database or with a committed restore that is not promoted yet. */
export const hasDatabase = (dataDir: string) =>
  [dataDir, join(dataDir, committedName)].some((dir) => existsSync(join(dir, 'pg')))

/** Creates an empty directory for a restore, and removes that of a killed one. */
export function stageRestore(dataDir: string): string {
  const staging = join(dataDir, stagingName)
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { mode: 0o700 })
  return staging
}

/** Removes a restore that was not committed. */
export function discardRestore(dataDir: string) {
  try {
    rmSync(join(dataDir, stagingName), { recursive: true, force: true })
  } catch {
    // It belongs to another user, which must not keep a service from starting. The next restore reports it.
  }
}

/** Commits a restore: every later start uses it. Returns the new path of the previous database, or `null`. */
export function commitRestore(dataDir: string): string | null {
  syncDir(join(dataDir, stagingName))
  renameSync(join(dataDir, stagingName), join(dataDir, committedName))
  syncDir(dataDir)
  return promoteRestore(dataDir)
}

/**
 * Moves a committed restore into `dataDir`. Each step is idempotent, so a start can finish it after a `kill -9`. The
 * caller holds the lock of the directory. Returns the new path of the previous database, or `null`.
 */
export function promoteRestore(dataDir: string): string | null {
  const from = join(dataDir, committedName)
  if (!existsSync(from)) return null
  const aside = join(dataDir, `replaced-${new Date().toISOString().replace(/\W/g, '')}`)
  for (const name of restoredEntries) {
    if (!existsSync(join(from, name))) continue
    if (existsSync(join(dataDir, name))) {
      mkdirSync(aside, { recursive: true, mode: 0o700 })
      renameSync(join(dataDir, name), join(aside, name))
    }
    renameSync(join(from, name), join(dataDir, name))
  }
  rmSync(from, { recursive: true })
  syncDir(dataDir)
  return existsSync(aside) ? aside : null
}
