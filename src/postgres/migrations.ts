// Made by `bun run db:generate`.
import sql0 from '../../drizzle/0000_accounts.sql' with { type: 'text' }
import sql1 from '../../drizzle/0001_audit_and_cleanup.sql' with { type: 'text' }
import sql2 from '../../drizzle/0002_realtime.sql' with { type: 'text' }
import sql3 from '../../drizzle/0003_session_indexes.sql' with { type: 'text' }
import sql4 from '../../drizzle/0004_own_schema.sql' with { type: 'text' }

export type Migration = { name: string; sql: string }

/** Every migration, oldest first. */
export const migrations: Migration[] = [
  { name: '0000_accounts', sql: sql0 },
  { name: '0001_audit_and_cleanup', sql: sql1 },
  { name: '0002_realtime', sql: sql2 },
  { name: '0003_session_indexes', sql: sql3 },
  { name: '0004_own_schema', sql: sql4 },
]
