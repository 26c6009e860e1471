import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncDir } from '../core/sync-files'

/** What of `DATA_DIR` a restore replaces: the key first, since a database without its key is no use. */
const restorable = ['jwt-secret', 'pg'] as const

const stagingName = 'restore.partial'
const committedName = 'restored'

/** True when there is a database, be it one that a restore has yet to put in its place. */
export const hasDatabase = (dataDir: string) =>
  [dataDir, join(dataDir, committedName)].some((dir) => existsSync(join(dir, 'pg')))

/** Where a restore builds. What a killed one left there is removed. */
export function stageRestore(dataDir: string): string {
  const staging = join(dataDir, stagingName)
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { mode: 0o700 })
  return staging
}

/** Forgets a restore that did not come to its end. */
export function discardRestore(dataDir: string) {
  try {
    rmSync(join(dataDir, stagingName), { recursive: true, force: true })
  } catch {
    // It is another user's: no reason for a service not to start, and the next restore says so.
  }
}

/** From here on the restored database is the one that every start uses. Answers where the one before went, if there was one. */
export function commitRestore(dataDir: string): string | null {
  syncDir(join(dataDir, stagingName))
  renameSync(join(dataDir, stagingName), join(dataDir, committedName))
  syncDir(dataDir)
  return promoteRestore(dataDir)
}

/**
 * Puts a committed restore in its place, also after whoever committed it was killed half-way: each step is done once and
 * can be seen to be done. The caller holds the directory's lock. Answers where the database before went, if there was one.
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
