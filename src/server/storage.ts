import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { discardRestore, promoteRestore } from '../backup/restore-staging'
import type { Config } from '../core/config'
import { randomText } from '../core/crypto'
import type { Durability } from '../core/service-lifecycle'
import type { Step } from '../core/tracing'
import { type DataDir, openDataDir } from '../embedded/data-dir'
import { removeSnapshot, type Snapshot, snapshotDir } from '../embedded/snapshot'
import { startEmbedded } from '../embedded/start-embedded'
import { type Database, openDatabase } from '../postgres/database'

/** The database and the keys: on a server and from the environment, or embedded and from `DATA_DIR`. */
export type Storage = {
  database: Database
  jwtSecrets: string[]
  durability: Durability
  /** Settles when the embedded database ends by itself. */
  failed: Promise<Error>
  /** Tells when the disk below the embedded database is so full that it can only be read, and when there is room again. */
  onDiskLow(listener: (isLow: boolean) => void): void
  /** Copies the embedded database to where `fastkit backup` expects it; a server has ways of its own. */
  snapshot: (() => Promise<Snapshot>) | null
  close(): Promise<void>
}

/**
 * Opens what the configuration names; with `step`, queries are followed. Throws DataDirInUse when another process has the
 * directory.
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

/** Takes the lock of the directory. A restore that was killed after its commit is promoted. Throws DataDirInUse. */
export function openEmbeddedDataDir(dataDir: string): DataDir {
  const opened = openDataDir(dataDir)
  promoteRestore(opened.path)
  return opened
}

function durabilityOf(isAsked: boolean, isInForce: boolean) {
  if (!isAsked) return 'off'
  return isInForce ? 'ok' : 'not_in_force'
}

/** The name of the generated key in `DATA_DIR`. */
export const keyFile = 'jwt-secret'

/** The key of an installation that was given none: made once, readable by its owner alone. */
function generatedSecret(path: string): string {
  if (existsSync(path)) return keptSecret(path)
  const secret = randomText(32)
  // By rename: a process that dies while writing must not leave half a key.
  writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600, flush: true })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return secret
}

/** A file that a power cut or a full disk left empty is a key that everyone knows. */
function keptSecret(path: string): string {
  const secret = readFileSync(path, 'utf8').trim()
  if (Buffer.byteLength(secret) >= minSecretBytes) return secret
  throw new Error(`${path} holds no key of ${minSecretBytes} bytes or more; remove it to get a fresh one`)
}

const minSecretBytes = 32
