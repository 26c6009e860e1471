import type { Command } from 'commander'
import type { Wrap } from './action'
import type { BackupOptions } from './backup-command'
import type { MigrateToOptions } from './migrate-to-command'
import type { RestoreOptions } from './restore-command'

/** Adds `backup`, `restore` and `migrate-to`; what they do is imported when they are asked for. */
export function addBackup(program: Command, wrap: Wrap) {
  const add = (name: string, description: string) =>
    program.command(name).description(description).allowExcessArguments(false)

  const backup = wrap<BackupOptions>(async (environment, options) =>
    (await import('./backup-command')).backup(environment, options),
  )
  add('backup', 'write the embedded database to a file, also while the service runs')
    .argument('<file>', 'a new file; - is standard output')
    .option('--force', 'replace the file if there is one')
    .option('--no-key', 'leave out the generated key that tokens are signed with')
    .action((file, options, command) => backup({ ...options, file }, command))

  const restore = wrap<RestoreOptions>(async (environment, options) =>
    (await import('./restore-command')).restore(environment, options),
  )
  add('restore', 'make the embedded database in DATA_DIR from such a file')
    .argument('<file>', 'what backup wrote')
    .option('--force', 'move the database that is there aside')
    .action((file, options, command) => restore({ ...options, file }, command))

  const migrateTo = wrap<MigrateToOptions>(async (environment, options) =>
    (await import('./migrate-to-command')).migrateTo(environment, options),
  )
  add('migrate-to', 'copy the embedded database to an empty PostgreSQL')
    .argument('[database-url]', 'where to; - asks for it, without it DATABASE_URL or DATABASE_URL_FILE says')
    .action((url, options, command) => migrateTo({ ...options, url }, command))
}
