import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDataDir } from './data-dir'
import type { EmbeddedPostgres } from './embedded-postgres'

/** Where a copy is made: inside `DATA_DIR`, since it is as secret as what is copied. Whoever uses it holds its lock. */
export const snapshotDir = (dataDir: string) => join(dataDir, 'snapshot')

/** Removes what a backup that was killed left, and nothing that one under way is using. */
export function removeSnapshot(dataDir: string) {
  const path = snapshotDir(dataDir)
  if (!existsSync(path)) return
  try {
    const { release } = openDataDir(path)
    rmSync(path, { recursive: true })
    release()
  } catch {
    // It is in use, or another user's: no reason for a service not to start.
  }
}

/** How long statements had to wait for it. */
export type Snapshot = { heldMilliseconds: number }

// Between two of the client's statements there is a moment, however busy it is.
const retryMilliseconds = 2
// The times of files come from a clock that ticks every few milliseconds; some file systems keep only seconds.
const clockSlackMilliseconds = 2000

/**
 * Copies the cluster into `target`, which is made anew, as it is between two statements: what `kill -9` would leave, and
 * Postgres recovers every commit from that. Most of it is copied while statements run; they wait only while what
 * changed meanwhile is copied once more.
 */
export async function takeSnapshot(
  postgres: EmbeddedPostgres,
  cluster: string,
  target: string,
): Promise<Snapshot> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true, mode: 0o700 })
  // By the clock of the file system, which may be another machine's.
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

/** Copies the cluster of a directory that nobody else uses. */
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
      // Postgres removes files at any time; whether this one still belongs here is checked once the client is idle.
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
