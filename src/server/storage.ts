import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { discardRestore, promoteRestore } from '../backup/restore-staging'
import type { Config } from '../core/config'
import { randomText } from '../core/crypto'
import type { Durability } from '../core/service-lifecycle'
import type { Step } from '../core/tracing'
import { type DataDir, openDataDir } from '../embedded/data-dir'
import { refuseRoot } from '../embedded/file-owner'
import { removeSnapshot, type Snapshot, snapshotDir } from '../embedded/snapshot'
import { startEmbedded } from '../embedded/start-embedded'
import { type Database, openDatabase } from '../postgres/database'

/** The database and the keys. They come from a server and the environment, or from `DATA_DIR`. */
export type Storage = {
  database: Database
  jwtSecrets: string[]
  durability: Durability
  /** Resolves when the embedded database ends unexpectedly. */
  failed: Promise<Error>
  /** Calls the listener when a full disk makes the embedded database read-only, and when it is writable again. */
  onDiskLow(listener: (isLow: boolean) => void): void
  /** Copies the embedded database for `fastkit backup`; `null` on a server, which has its own backup tools. */
  snapshot: (() => Promise<Snapshot>) | null
  close(): Promise<void>
}

/**
 * Opens the configured database. `step` traces its queries. Throws DataDirInUse when another process has the lock of
 * DATA_DIR.
 */
export const openStorage = (config: Config, step: Step | null = null): Promise<Storage> =>
  config.databaseUrl ? openServer(config, config.databaseUrl, step) : openEmbedded(config, step)

async function openServer(
  { jwtSecrets, dbPoolSize, dbStatementTimeoutMilliseconds }: Config,
  url: string,
  step: Step | null,
): Promise<Storage> {
  const database = openDatabase(
    {
      url,
      poolSize: dbPoolSize,
      statementTimeoutMilliseconds: dbStatementTimeoutMilliseconds,
    },
    step,
  )
  return {
    database,
    jwtSecrets: jwtSecrets ?? [],
    durability: 'ok',
    failed: Promise.withResolvers<Error>().promise,
    onDiskLow: () => undefined,
    snapshot: null,
    close: database.close,
  }
}

async function openEmbedded(config: Config, step: Step | null): Promise<Storage> {
  const dataDir = openEmbeddedDataDir(config.dataDir)
  try {
    return await openIn(dataDir, config, step)
  } catch (error) {
    dataDir.release()
    throw error
  }
}

async function openIn(dataDir: DataDir, config: Config, step: Step | null): Promise<Storage> {
  discardRestore(dataDir.path)
  removeSnapshot(dataDir.path)
  const jwtSecrets = config.jwtSecrets ?? [generatedSecret(join(dataDir.path, keyFile))]
  const fsync = config.isEmbeddedDurable
  const embedded = await startEmbedded({ dataDir: dataDir.path, fsync })
  const { socketPath, isDurable, failed, onDiskLow } = embedded
  const statementTimeoutMilliseconds = config.dbStatementTimeoutMilliseconds
  const database = openDatabase({ socketPath, statementTimeoutMilliseconds }, step)
  const close = async () => {
    await database.close()
    await embedded.close()
    dataDir.release()
  }
  const snapshot = () => embedded.snapshot(join(snapshotDir(dataDir.path), 'pg'))
  const durability = durabilityOf(fsync, isDurable)
  return { database, jwtSecrets, durability, failed, onDiskLow, snapshot, close }
}

/**
 * Takes the lock of DATA_DIR, and completes a restore that was killed after its commit. Throws DataDirInUse, and an error
 * when root opens the stopped directory of another user.
 */
export function openEmbeddedDataDir(dataDir: string): DataDir {
  const opened = openDataDir(dataDir, refuseRoot)
  promoteRestore(opened.path)
  return opened
}

function durabilityOf(isConfigured: boolean, isDurable: boolean) {
  if (!isConfigured) return 'off'
  return isDurable ? 'ok' : 'not_in_force'
}

/** The file name of the generated key in `DATA_DIR`. */
export const keyFile = 'jwt-secret'

/** Returns the key of an installation without a configured one. It is generated once, with mode 0600. */
function generatedSecret(path: string): string {
  if (existsSync(path)) return readSecret(path)
  const secret = randomText(32)
  // The rename is atomic, so a crash leaves no partial key.
  writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600, flush: true })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return secret
}

/** Rejects a short file: a power cut or a full disk may leave it empty, and an empty key is no secret. */
function readSecret(path: string): string {
  const secret = readFileSync(path, 'utf8').trim()
  if (Buffer.byteLength(secret) >= minSecretBytes) return secret
  throw new Error(`${path} holds no key of ${minSecretBytes} bytes or more; remove it to get a fresh one`)
}

const minSecretBytes = 32
