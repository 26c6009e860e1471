import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { guardDisk } from './disk-guard'
import { startMaintenance } from './maintenance'
import { takeSnapshot } from './snapshot'
import type { WorkerOptions, WorkerReport, WorkerRequest } from './start-embedded'
import { startPostgres } from './start-pglite'

// The entry point of the database thread. A query blocks its thread, which must not be the one that serves HTTP.
const { dataDir, fsync, socketPath }: WorkerOptions = workerData
const { postgres, isDurable } = await startPostgres({ dataDir, fsync, onCrash })
// Two connections, so that a client can reconnect while its old socket closes.
const server = new PGLiteSocketServer({ db: postgres, path: socketPath, maxConnections: 2 })
await server.start()
const stopMaintenance = startMaintenance(postgres, dataDir)
const stopGuard = guardDisk(postgres, dataDir, (isDiskLow) => report({ isDiskLow }))
parentPort?.on('message', (request: WorkerRequest) => (request === 'close' ? close() : snapshot(request)))
report({ isDurable })
Bun.gc(true)

async function snapshot({ snapshotTo }: Exclude<WorkerRequest, 'close'>) {
  try {
    report({ snapshot: await takeSnapshot(postgres, join(dataDir, 'pg'), snapshotTo) })
  } catch (error) {
    report({ snapshotFailed: error instanceof Error ? error.message : String(error) })
  }
}

async function close() {
  stopMaintenance()
  stopGuard()
  await server.stop()
  await postgres.close()
  process.exit(0)
}

function onCrash(stderrTail: string): never {
  report({ crash: stderrTail })
  process.exit(1)
}

function report(message: WorkerReport) {
  parentPort?.postMessage(message)
}
