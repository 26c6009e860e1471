import { join } from 'node:path'
import { openDataDir } from '../../src/embedded/data-dir'
import { withEmbeddedDatabase } from '../../src/embedded/with-embedded-database'
import { migrate } from '../../src/postgres/migrate'
import { migrations } from '../../src/postgres/migrations'
import type { Place } from './operator'

/** Adds accounts without a usable password to an embedded database that no process uses. */
export async function populate({ cwd }: Place, accounts: number): Promise<void> {
  const dataDir = openDataDir(join(cwd, 'data'))
  await withEmbeddedDatabase({ dataDir: dataDir.path, fsync: false }, async (sql) => {
    await migrate(sql, migrations)
    await sql`insert into users (id, email, email_normalised, password_hash, role, is_active, created_at, updated_at)
      select gen_random_uuid(), i || '@example.com', i || '@example.com', gen_random_uuid()::text, 'user', true, now(), now()
      from generate_series(1, ${accounts}::int) i`
  })
  dataDir.release()
}
