import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, readChunks, verifyBackup } from '../backup/read-backup'
import { commitRestore, discardRestore, stageRestore } from '../backup/restore-staging'
import { importContents, observed } from '../backup/transfer'
import { type Config, type Environment, loadConfig } from '../core/config'
import { syncTree } from '../core/sync-files'
import { withEmbeddedDatabase } from '../embedded/with-embedded-database'
import { migrate, migrationsBehind } from '../postgres/migrate'
import { type Migration, migrations } from '../postgres/migrations'
import { keyFile } from '../server/storage'
import { assertEmbedded, openStoppedDataDir } from './embedded-access'
import { createProgress, formatSize } from './progress'
import { withSignalCleanup } from './signal-cleanup'

export type RestoreOptions = { file: string; force?: boolean }

/** Restores the embedded database from a backup: all of it or nothing. */
export async function restore(
  environment: Environment,
  { file, force = false }: RestoreOptions,
): Promise<number> {
  const config = loadConfig(environment)
  assertEmbedded(config, 'use pg_restore')
  const manifest = await verifyBackup(file)
  const needed = migrationsBehind(`the backup ${file}`, manifest.migrations, migrations)
  const { path: dataDir, release } = openStoppedDataDir(config)
  try {
    if (!force && existsSync(join(dataDir, 'pg')))
      throw new Error(`DATA_DIR ${config.dataDir} has a database; --force moves it aside`)
    await withSignalCleanup(async (onCleanup) => {
      onCleanup(() => discardRestore(dataDir))
      await buildDatabase(config, stageRestore(dataDir), { file, manifest, needed })
    })
    const aside = commitRestore(dataDir)
    process.stdout.write(report(config, manifest, aside))
    return 0
  } finally {
    discardRestore(dataDir)
    release()
  }
}

type Plan = { file: string; manifest: Manifest; needed: Migration[] }

async function buildDatabase(
  { isEmbeddedDurable }: Config,
  staging: string,
  { file, manifest, needed }: Plan,
) {
  const { sums, jwt_secret: key } = manifest
  const progress = createProgress('restoring')
  // Nothing is committed before syncTree, so single fsyncs would only cost time.
  await withEmbeddedDatabase({ dataDir: staging, fsync: false }, async (sql) => {
    await migrate(sql, needed)
    const chunks = observed({ sums, chunks: readChunks(file) }, progress.onChunk)
    await sql.begin((transaction) => importContents(transaction, { chunks, sums }))
    await sql`checkpoint`
  })
  progress.end()
  if (key !== null) writeFileSync(join(staging, keyFile), `${key}\n`, { mode: 0o600 })
  if (isEmbeddedDurable) syncTree(staging)
}

function report({ dataDir, jwtSecrets }: Config, manifest: Manifest, aside: string | null): string {
  const { created_at, version, sums, jwt_secret: key } = manifest
  return [
    `restored ${formatSize(sums)} into ${dataDir}, as of ${created_at} (fastkit ${version})`,
    ...(aside ? [`the previous database is in ${aside}`] : []),
    ...(key === null && !jwtSecrets
      ? ['the backup has no key: without the JWT_SECRET of that time, everyone has to sign in again']
      : []),
    ...(key !== null && jwtSecrets ? ['its key is not used, because JWT_SECRET is set'] : []),
    '',
  ].join('\n')
}
