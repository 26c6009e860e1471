import type { Command } from 'commander'
import type { Wrap } from './action'
import type { BackupOptions } from './backup-command'
import type { MigrateToOptions } from './migrate-to-command'
import type { RestoreOptions } from './restore-command'

/** Adds `backup`, `restore` and `migrate-to`. Their code is imported when they run. */
export function addBackup(program: Command, wrap: Wrap) {
  const add = (name: string, description: string) =>
    program.command(name).description(description).allowExcessArguments(false)

  const backup = wrap<BackupOptions>(async (environment, options) =>
    (await import('./backup-command')).backup(environment, options),
  )
  add('backup', 'write the embedded database to a file; the service may be running')
    .argument('<file>', 'the file to create; - is standard output')
    .option('--force', 'replace the file if it exists')
    .option('--no-key', 'leave out the generated key that signs tokens')
    .action((file, options, command) => backup({ ...options, file }, command))

  const restore = wrap<RestoreOptions>(async (environment, options) =>
    (await import('./restore-command')).restore(environment, options),
  )
  add('restore', 'restore the embedded database in DATA_DIR from a backup')
    .argument('<file>', 'a file that `fastkit backup` wrote')
    .option('--force', 'move an existing database aside')
    .action((file, options, command) => restore({ ...options, file }, command))

  const migrateTo = wrap<MigrateToOptions>(async (environment, options) =>
    (await import('./migrate-to-command')).migrateTo(environment, options),
  )
  add('migrate-to', 'copy the embedded database to an empty PostgreSQL database')
    .argument(
      '[database-url]',
      'address of the PostgreSQL database; - asks for it; default: DATABASE_URL or DATABASE_URL_FILE',
    )
    .action((url, options, command) => migrateTo({ ...options, url }, command))
}
