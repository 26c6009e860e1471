import { Database, SQLiteError } from 'bun:sqlite'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { RootRefused } from './file-owner'

/** Another process holds the directory. `pid` is null when its pid file is unreadable. */
export class DataDirInUse extends Error {
  readonly pid: number | null

  constructor(dataDir: string, pid: number | null) {
    super(`DATA_DIR ${dataDir} is in use by ${pid === null ? 'another process' : `process ${pid}`}`)
    this.name = 'DataDirInUse'
    this.pid = pid
  }
}

/** A directory that is locked for this process until `release()` or its end. `path` is absolute. */
export type DataDir = { path: string; release(): void }

/**
 * Creates the directory (0700) and locks it. Throws `DataDirInUse`, what `assertUsable` throws for a directory that no
 * process holds, or `Error` if it is not writable.
 */
export function openDataDir(
  dataDir: string,
  assertUsable: (path: string) => void = () => undefined,
): DataDir {
  const path = resolve(dataDir)
  const pidFile = join(path, 'lock.pid')
  const lockFile = join(path, 'lock')
  try {
    makePrivate(path)
    // Before the lock creates its file.
    if (!existsSync(lockFile)) assertUsable(path)
    const lock = acquireLock(lockFile)
    if (!lock) throw new DataDirInUse(dataDir, lockHolder(pidFile))
    closeOnError(lock, () => assertUsable(path))
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
    return { path, release: () => release(lock, pidFile) }
  } catch (error) {
    if (error instanceof DataDirInUse || error instanceof RootRefused) throw error
    throw new Error(`DATA_DIR ${dataDir} cannot be used: ${reason(error)}`, { cause: error })
  }
}

function closeOnError(lock: Database, work: () => void) {
  try {
    work()
  } catch (error) {
    lock.close()
    throw error
  }
}

/** Keeps other users out: the signing key and the socket of the database are in here, without a password. */
function makePrivate(path: string) {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const isOpenToOthers = (statSync(path).mode & 0o077) !== 0
  if (isOpenToOthers && process.getuid?.() === statSync(path).uid) chmodSync(path, 0o700)
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
}

// The lock of SQLite ends with the process, even after kill -9. No other code of this process may open the file: closing
// it would release the lock. See docs/workarounds.md#pglite-no-lock.
function acquireLock(file: string): Database | null {
  const lock = new Database(file, { create: true, readwrite: true })
  try {
    // On a read-only file SQLite treats BEGIN EXCLUSIVE as a plain BEGIN, which locks nothing.
    accessSync(file, constants.W_OK)
    lock.run('PRAGMA busy_timeout = 0')
    lock.run('PRAGMA locking_mode = EXCLUSIVE')
    lock.run('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (error instanceof SQLiteError && error.code === 'SQLITE_BUSY') return null
    throw error
  }
}

// The pid may be that of a killed process while the new holder is about to write its own.
function lockHolder(pidFile: string): number | null {
  const pid = readPid(pidFile)
  if (pid !== null && isAlive(pid)) return pid
  Bun.sleepSync(200)
  return readPid(pidFile)
}

function readPid(pidFile: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
    return pid > 0 ? pid : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return reason(error).includes('EPERM')
  }
}

function release(lock: Database, pidFile: string) {
  if (readPid(pidFile) === process.pid) rmSync(pidFile, { force: true })
  lock.close()
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
