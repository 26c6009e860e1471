import { roomOf } from './disk-guard'
import type { EmbeddedPostgres } from './embedded-postgres'

const lookEveryMilliseconds = 15_000
const retryAfterMilliseconds = 100
const checkpointEveryMilliseconds = 5 * 60_000
const muchWalBytes = 32 * 1024 * 1024
const littleWalBytes = 64 * 1024

const countWalBytes =
  'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) FROM pg_control_checkpoint()'

// About the thresholds of autovacuum, and its protection against running out of transaction ids.
// VACUUM also writes where a session may only read, nobody looks at the disk meanwhile, and its WAL can be as large as the
// table: without room for that it would end Postgres.
const tableToVacuum = (room: number) => `
  SELECT format('%I.%I', s.schemaname, s.relname)
  FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE c.relkind = 'r' AND 1.25 * pg_total_relation_size(c.oid) <= ${room} AND (
    s.n_dead_tup > 500 + 0.2 * greatest(c.reltuples, 0)
    OR s.n_mod_since_analyze > 500 + 0.2 * greatest(c.reltuples, 0)
    OR age(c.relfrozenxid) > 200000000)
  ORDER BY s.n_dead_tup DESC LIMIT 1`

/**
 * What the background processes of a Postgres server do. The embedded one has none: without this the WAL grows until
 * the next clean stop, and dead rows stay for ever. Answers a function that ends it.
 */
export function startMaintenance(postgres: EmbeddedPostgres, dataDir: string): () => void {
  let checkpointDueAt = Date.now() + checkpointEveryMilliseconds
  let timer = setTimeout(look, lookEveryMilliseconds)

  async function look() {
    // A statement that fails here (a full disk, say) fails for the client as well, where it can be answered.
    const wasQuiet = await maintain().catch(() => true)
    timer = setTimeout(look, wasQuiet ? lookEveryMilliseconds : retryAfterMilliseconds)
  }

  async function maintain(): Promise<boolean> {
    return (await checkpoint()) && (await vacuum())
  }

  async function checkpoint(): Promise<boolean> {
    const walBytes = await postgres.execWhenQuiet(countWalBytes)
    if (walBytes === null) return false
    const isDue = Date.now() >= checkpointDueAt
    if (Number(walBytes) < (isDue ? littleWalBytes : muchWalBytes)) return true
    if ((await postgres.execWhenQuiet('CHECKPOINT')) === null) return false
    checkpointDueAt = Date.now() + checkpointEveryMilliseconds
    return true
  }

  async function vacuum(): Promise<boolean> {
    const table = await postgres.execWhenQuiet(tableToVacuum(await roomOf(dataDir)))
    if (table === null || table === '') return table === ''
    return (await postgres.execWhenQuiet(`VACUUM (ANALYZE) ${table}`)) !== null
  }

  return () => clearTimeout(timer)
}
