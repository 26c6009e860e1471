import { type Environment, loadConfig } from '../core/config'
import { migrate } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { openStorage } from '../server/storage'

/** Applies the missing migrations and prints their names. */
export async function migrateAndExit(environment: Environment): Promise<number> {
  const storage = await openStorage(loadConfig(environment))
  try {
    const applied = await migrate(storage.database.sql, migrations)
    process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'nothing to apply\n')
    return 0
  } finally {
    await storage.close()
  }
}
