import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, readChunks, verifyBackup } from '../backup/read-backup'
import { commitRestore, discardRestore, stageRestore } from '../backup/restore-staging'
import { importContents } from '../backup/transfer'
import { type Config, type Environment, loadConfig } from '../core/config'
import { syncTree } from '../core/sync-files'
import { migrate, migrationsBehind } from '../postgres/migrate'
import { type Migration, migrations } from '../postgres/migrations'
import { keyFile } from '../server/storage'
import { onEmbedded, openStoppedDataDir, refuseServer } from './embedded-access'
import { counted, createProgress, sizeOf } from './progress'
import { withSignalCleanup } from './signal-cleanup'

export type RestoreOptions = { file: string; force?: boolean }

/** Makes the embedded database that a backup holds. It is there in whole or not at all. */
export async function restore(
  environment: Environment,
  { file, force = false }: RestoreOptions,
): Promise<number> {
  const config = loadConfig(environment)
  refuseServer(config, 'pg_restore restores into it')
  const manifest = await verifyBackup(file)
  const needed = migrationsBehind(`the backup ${file}`, manifest.migrations, migrations)
  const { path: dataDir, release } = openStoppedDataDir(config)
  try {
    if (!force && existsSync(join(dataDir, 'pg')))
      throw new Error(`DATA_DIR ${config.dataDir} has a database; --force moves it aside`)
    await withSignalCleanup(async (cleanups) => {
      cleanups.add(() => discardRestore(dataDir))
      await build(config, stageRestore(dataDir), { file, manifest, needed })
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

async function build({ isEmbeddedDurable }: Config, place: string, { file, manifest, needed }: Plan) {
  const { sums, jwt_secret: key } = manifest
  const progress = createProgress()
  // Nothing of it counts before all of it is on disk, so it goes there in one go.
  await onEmbedded({ dataDir: place, fsync: false }, async (sql) => {
    await migrate(sql, needed)
    const chunks = counted(readChunks(file), { what: 'restoring', sums, progress })
    await sql.begin((transaction) => importContents(transaction, { chunks, sums }))
    await sql`checkpoint`
  })
  progress.end()
  if (key !== null) writeFileSync(join(place, keyFile), `${key}\n`, { mode: 0o600 })
  if (isEmbeddedDurable) syncTree(place)
}

function report({ dataDir, jwtSecrets }: Config, manifest: Manifest, aside: string | null): string {
  const { created_at, version, sums, jwt_secret: key } = manifest
  return [
    `restored ${sizeOf(sums)} into ${dataDir}, as of ${created_at} (fastkit ${version})`,
    ...(aside ? [`what was there before is in ${aside}`] : []),
    ...(key === null && !jwtSecrets
      ? ['there is no key in it: without the JWT_SECRET of that time everyone has to sign in again']
      : []),
    ...(key !== null && jwtSecrets ? ['its key is not used, since JWT_SECRET is set'] : []),
    '',
  ].join('\n')
}
