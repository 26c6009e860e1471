import { existsSync, readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import { version } from '../../package.json'
import { type BackupTarget, createBackupFile } from '../backup/backup-file'
import { dumpDatabase } from '../backup/write-backup'
import { type Environment, loadConfig } from '../core/config'
import { withSnapshot } from '../server/with-snapshot'
import { assertEmbedded } from './embedded-access'
import { stdoutStream } from './print'
import { createProgress, formatSize } from './progress'
import { withSignalCleanup } from './signal-cleanup'
import { UsageError } from './usage-error'

export type BackupOptions = { file: string; force?: boolean; key: boolean }

/** Writes the embedded database and its generated key to a file, and prints a summary. */
export async function backup(
  environment: Environment,
  { file, force = false, key }: BackupOptions,
): Promise<number> {
  const config = loadConfig(environment)
  assertEmbedded(config, 'use pg_dump')
  return withSignalCleanup(async (onCleanup) => {
    const target = openTarget(file, force)
    onCleanup(target.discard)
    const progress = createProgress('writing')
    try {
      const { sums, jwtSecret } = await withSnapshot(config, onCleanup, async ({ sql, keyPath }) => {
        const jwtSecret = key ? readKey(keyPath) : null
        progress.show('counting …')
        const { output } = target
        const sums = await dumpDatabase(sql, { version, jwtSecret, output, onChunk: progress.onChunk })
        progress.end()
        return { sums, jwtSecret }
      })
      await target.commit()
      const name = file === '-' ? 'standard output' : file
      process.stderr.write(`wrote ${name}: ${formatSize(sums)}${keyNote(jwtSecret)}\n`)
      return 0
    } catch (error) {
      target.discard()
      throw error
    }
  })
}

function openTarget(file: string, mayReplace: boolean): BackupTarget {
  if (file !== '-') return createBackupFile(file, { mayReplace })
  if (isatty(1)) throw new UsageError('a backup is binary and not for a terminal; name a file')
  return { output: stdoutStream(), commit: () => Promise.resolve(), discard: noop }
}

function noop() {
  // A restore refuses the piped part of a failed backup, because its last line is missing.
}

const readKey = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : null)

const keyNote = (jwtSecret: string | null) =>
  jwtSecret === null ? '; without a key, so keep JWT_SECRET' : ' and the key; keep it as secret as DATA_DIR'
