import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDataDir } from './data-dir'
import type { EmbeddedPostgres } from './embedded-postgres'

/** The directory of a copy. It is inside `DATA_DIR`, because a copy is as secret as the database. Its user locks it. */
export const snapshotDir = (dataDir: string) => join(dataDir, 'snapshot')

/** Removes the copy of a killed backup. The copy of a running backup is locked and stays. */
export function removeSnapshot(dataDir: string) {
  const path = snapshotDir(dataDir)
  if (!existsSync(path)) return
  try {
    const { release } = openDataDir(path)
    rmSync(path, { recursive: true })
    release()
  } catch {
    // The copy is in use or belongs to another user. Neither must keep a service from starting.
  }
}

/** The time that statements were blocked. */
export type Snapshot = { heldMilliseconds: number }

// Short, to find the client idle between two statements even when it is busy.
const retryMilliseconds = 2
// File times are coarse: the clock behind them ticks every few milliseconds, and some file systems keep only seconds.
const clockSlackMilliseconds = 2000

/**
 * Copies the cluster into `target` in the state between two statements, as `kill -9` would leave it: Postgres recovers
 * every commit. Statements run meanwhile, and are blocked only while files that have changed are copied again.
 */
export async function takeSnapshot(
  postgres: EmbeddedPostgres,
  cluster: string,
  target: string,
): Promise<Snapshot> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true, mode: 0o700 })
  // The file system may have the clock of another machine, so its own time is taken.
  const changedSince = statSync(target).mtimeMs - clockSlackMilliseconds
  await copyLiveFiles(cluster, target)
  for (;;) {
    const snapshot = await postgres.whenIdle(() => {
      const heldAt = performance.now()
      copyChangedFiles(cluster, target, changedSince)
      return { heldMilliseconds: Math.round(performance.now() - heldAt) }
    })
    if (snapshot) return snapshot
    await Bun.sleep(retryMilliseconds)
  }
}

/** Copies the cluster of a directory whose lock the caller holds. */
export async function copyCluster(cluster: string, target: string) {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true, mode: 0o700 })
  await copyLiveFiles(cluster, target)
}

async function copyLiveFiles(from: string, to: string) {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) {
      await mkdir(copy, { mode: 0o700 })
      await copyLiveFiles(source, copy)
    } else {
      // Postgres may remove a file at any time. copyChangedFiles removes files that no longer belong to the cluster.
      await copyFile(source, copy, constants.COPYFILE_FICLONE).catch(ignoreMissing)
    }
  }
}

function copyChangedFiles(from: string, to: string, changedSince: number) {
  const wanted = readdirSync(from, { withFileTypes: true })
  const names = new Set(wanted.map(({ name }) => name))
  for (const name of readdirSync(to)) {
    if (!names.has(name)) rmSync(join(to, name), { recursive: true })
  }
  for (const entry of wanted) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) {
      mkdirSync(copy, { recursive: true, mode: 0o700 })
      copyChangedFiles(source, copy, changedSince)
    } else if (isStale(source, copy, changedSince)) {
      copyFileSync(source, copy, constants.COPYFILE_FICLONE)
    }
  }
}

function isStale(source: string, copy: string, changedSince: number): boolean {
  const { mtimeMs, size } = statSync(source)
  return mtimeMs >= changedSince || statSync(copy, { throwIfNoEntry: false })?.size !== size
}

function ignoreMissing(error: unknown) {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
