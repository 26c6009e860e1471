import { existsSync, readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Sql } from 'postgres'
import { version } from '../../package.json'
import { backupFormat, type Header } from '../backup/manifest'
import { exportContents } from '../backup/transfer'
import { writeBackup } from '../backup/write-backup'
import { type Environment, loadConfig } from '../core/config'
import { onSnapshot } from './backup-source'
import { fileTarget, pipeTarget, type Target } from './backup-target'
import { refuseServer } from './embedded-access'
import { counted, createProgress, sizeOf } from './progress'
import { withSignalCleanup } from './signal-cleanup'
import { UsageError } from './usage-error'

export type BackupOptions = { file: string; force?: boolean; key: boolean }

/** Writes the embedded database, and its generated key, to a file; says what is in it. */
export async function backup(
  environment: Environment,
  { file, force = false, key }: BackupOptions,
): Promise<number> {
  const config = loadConfig(environment)
  refuseServer(config, 'pg_dump makes its backup')
  return withSignalCleanup(async (cleanups) => {
    const target = targetOf(file, force)
    cleanups.add(target.drop)
    try {
      const { size, jwtSecret } = await onSnapshot(config, cleanups, async ({ sql, keyPath }) => {
        const jwtSecret = key ? keyIn(keyPath) : null
        return { size: await write(sql, jwtSecret, target), jwtSecret }
      })
      await target.commit()
      const name = file === '-' ? 'standard output' : file
      process.stderr.write(`wrote ${name}: ${size}${noteOf(jwtSecret)}\n`)
      return 0
    } catch (error) {
      target.drop()
      throw error
    }
  })
}

function targetOf(file: string, mayReplace: boolean): Target {
  if (file !== '-') return fileTarget(file, { mayReplace })
  if (isatty(1)) throw new UsageError('a backup is no text for a terminal; name a file')
  return pipeTarget()
}

const keyIn = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : null)

function write(sql: Sql, jwtSecret: string | null, { output }: Target): Promise<string> {
  const progress = createProgress()
  return sql.begin('isolation level repeatable read read only', async (transaction) => {
    progress.show('counting …')
    const { migrations, tables, sums, chunks } = await exportContents(transaction)
    const header: Header = {
      format: backupFormat,
      version,
      created_at: new Date().toISOString(),
      migrations,
      tables,
      jwt_secret: jwtSecret,
    }
    await writeBackup({ header, sums, chunks: counted(chunks, { what: 'writing', sums, progress }) }, output)
    progress.end()
    return sizeOf(sums)
  })
}

const noteOf = (jwtSecret: string | null) =>
  jwtSecret === null ? '; without a key, so keep JWT_SECRET' : ' and the key; keep it as secret as DATA_DIR'
