import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncDir } from '../core/sync-files'

/** A restore replaces these in `DATA_DIR`: the key first, since a database without its key is no use. */
const restorable = ['jwt-secret', 'pg'] as const

const stagingName = 'restore.partial'
const committedName = 'restored'

/** True when there is a database, or a committed restore that is not promoted yet. */
export const hasDatabase = (dataDir: string) =>
  [dataDir, join(dataDir, committedName)].some((dir) => existsSync(join(dir, 'pg')))

/** An empty directory for a restore. Removes what a killed one left there. */
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
    // It is another user's: no reason for a service not to start, and the next restore says so.
  }
}

/** From here on every start uses the restored database. Returns where the previous one was moved, if there was one. */
export function commitRestore(dataDir: string): string | null {
  syncDir(join(dataDir, stagingName))
  renameSync(join(dataDir, stagingName), join(dataDir, committedName))
  syncDir(dataDir)
  return promoteRestore(dataDir)
}

/**
 * Moves a committed restore to where the database belongs, also after the process that committed it was killed: each step
 * is idempotent. The caller holds the directory's lock. Returns where the previous database was moved, if there was one.
 */
export function promoteRestore(dataDir: string): string | null {
  const from = join(dataDir, committedName)
  if (!existsSync(from)) return null
  const aside = join(dataDir, `replaced-${new Date().toISOString().replace(/\W/g, '')}`)
  for (const name of restorable) {
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
