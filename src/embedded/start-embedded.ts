import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { explainForeignFile } from './file-owner'
import type { Snapshot } from './snapshot'
import { type PreparedSocket, prepareSocket } from './unix-socket'

const closeWithinMilliseconds = 5_000

/** A running embedded database. */
export type Embedded = {
  /** The `path` for postgres.js, with `max: 1`. */
  socketPath: string
  /** True when a commit was seen to reach the disk. False with `fsync: false` or if internals of PGlite changed. */
  isDurable: boolean
  /** Resolves with the reason if the database thread ends before `close()`; otherwise it stays pending. */
  failed: Promise<Error>
  /** Calls `listener` when the database becomes read-only because the disk is nearly full, and when it ends. */
  onDiskLow(listener: (isLow: boolean) => void): void
  /** Copies the cluster to a new directory while statements go on, one copy at a time. Throws when the disk is full. */
  snapshot(target: string): Promise<Snapshot>
  /** Checkpoints and ends the thread within five seconds. Idempotent. */
  close(): Promise<void>
}

export type WorkerOptions = { dataDir: string; fsync: boolean; socketPath: string }
export type WorkerRequest = 'close' | { snapshotTo: string }
export type WorkerReport =
  | { isDurable: boolean }
  | { isDiskLow: boolean }
  | { crash: string }
  | { snapshot: Snapshot }
  | { snapshotFailed: string }

/**
 * Starts the embedded database in `dataDir` and resolves when its socket accepts connections. The caller holds the lock
 * of the directory (`openDataDir`): two databases would destroy it. Throws with the log of Postgres if it cannot start.
 */
export async function startEmbedded(options: { dataDir: string; fsync: boolean }): Promise<Embedded> {
  const dataDir = resolve(options.dataDir)
  const socket = prepareSocket(dataDir, 'pg.sock')
  const workerData: WorkerOptions = { dataDir, fsync: options.fsync, socketPath: socket.path }
  const worker = new Worker(workerFile(), { workerData })
  const exited = new Promise((resolve) => worker.once('exit', resolve))
  const failure = firstFailure(worker)
  try {
    const isDurable = await Promise.race([started(worker), failure.then(rethrow)])
    let closing: Promise<void> | null = null
    const failed = failure.then((error) => (closing === null ? withForeignFile(error, dataDir) : pending))
    return {
      socketPath: socket.path,
      isDurable,
      failed,
      onDiskLow: (listener) =>
        worker.on('message', (report: WorkerReport) => 'isDiskLow' in report && listener(report.isDiskLow)),
      snapshot: serialized((target) =>
        Promise.race([requestSnapshot(worker, target), failure.then(rethrow)]),
      ),
      close: () => (closing ??= stopWorker(worker, exited, socket)),
    }
  } catch (error) {
    socket.remove()
    throw error instanceof Error ? withForeignFile(error, dataDir) : error
  }
}

const pending = Promise.withResolvers<Error>().promise

// See docs/workarounds.md#bun-compile-worker.
function workerFile(): URL {
  const path = Bun.isStandaloneExecutable ? './embedded/database-worker.ts' : './database-worker.ts'
  return new URL(path, import.meta.url)
}

function started(worker: Worker): Promise<boolean> {
  return new Promise((resolve) => {
    worker.on('message', (report: WorkerReport) => {
      if ('isDurable' in report) resolve(report.isDurable)
    })
  })
}

function requestSnapshot(worker: Worker, snapshotTo: string): Promise<Snapshot> {
  const { promise, resolve, reject } = Promise.withResolvers<Snapshot>()
  const onReport = (report: WorkerReport) => {
    if ('snapshot' in report) resolve(report.snapshot)
    if ('snapshotFailed' in report) reject(new Error(report.snapshotFailed))
  }
  worker.on('message', onReport)
  worker.postMessage({ snapshotTo } satisfies WorkerRequest)
  return promise.finally(() => worker.off('message', onReport))
}

/** Runs one call after another. */
function serialized<A, T>(work: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let latest: Promise<unknown> = Promise.resolve()
  return (argument) => {
    const current = latest.then(() => work(argument))
    latest = current.catch(() => null)
    return current
  }
}

function firstFailure(worker: Worker): Promise<Error> {
  return new Promise((resolve) => {
    worker.on('message', (report: WorkerReport) => {
      if ('crash' in report) resolve(new Error(`the embedded database crashed\n${report.crash}`))
    })
    worker.on('error', resolve)
    worker.on('exit', (code) => resolve(new Error(`the embedded database ended by itself (${code})`)))
  })
}

/** Adds the file of another user that kept Postgres from starting, such as one that root made. */
function withForeignFile(error: Error, dataDir: string): Error {
  const hint = explainForeignFile(dataDir)
  return hint === null ? error : new Error(`${error.message}\n${hint}`, { cause: error })
}

function rethrow(error: Error): never {
  throw error
}

async function stopWorker(worker: Worker, exited: Promise<unknown>, socket: PreparedSocket) {
  worker.postMessage('close')
  // Terminating loses nothing: the next start replays the WAL.
  const timer = setTimeout(() => worker.terminate(), closeWithinMilliseconds)
  await exited
  clearTimeout(timer)
  socket.remove()
}
