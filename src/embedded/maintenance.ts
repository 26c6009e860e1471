import { writableBytes } from './disk-guard'
import type { EmbeddedPostgres } from './embedded-postgres'

const intervalMilliseconds = 15_000
const retryMilliseconds = 100
const checkpointIntervalMilliseconds = 5 * 60_000
const maxWalBytes = 32 * 1024 * 1024
const minWalBytes = 64 * 1024

const walBytesSinceCheckpoint =
  'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) FROM pg_control_checkpoint()'

// Thresholds as in autovacuum, with its protection against running out of transaction ids. VACUUM also writes where a
// session may only read, the disk guard does not run meanwhile, and its WAL can be as large as the table: without room
// for that it would end Postgres.
const tableToVacuum = (maxBytes: number) => `
  SELECT format('%I.%I', s.schemaname, s.relname)
  FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE c.relkind = 'r' AND 1.25 * pg_total_relation_size(c.oid) <= ${maxBytes} AND (
    s.n_dead_tup > 500 + 0.2 * greatest(c.reltuples, 0)
    OR s.n_mod_since_analyze > 500 + 0.2 * greatest(c.reltuples, 0)
    OR age(c.relfrozenxid) > 200000000)
  ORDER BY s.n_dead_tup DESC LIMIT 1`

/**
 * Checkpoints and vacuums, as the background processes of a server do. The embedded one has none: without this the WAL
 * grows until the next clean stop, and dead rows stay for ever. Returns a function that ends it.
 */
export function startMaintenance(postgres: EmbeddedPostgres, dataDir: string): () => void {
  let checkpointDueAt = Date.now() + checkpointIntervalMilliseconds
  let timer = setTimeout(run, intervalMilliseconds)

  async function run() {
    // A statement that fails here (a full disk, say) fails for the client as well, where it can be answered.
    const wasIdle = await maintain().catch(() => true)
    timer = setTimeout(run, wasIdle ? intervalMilliseconds : retryMilliseconds)
  }

  async function maintain(): Promise<boolean> {
    return (await checkpoint()) && (await vacuum())
  }

  async function checkpoint(): Promise<boolean> {
    const walBytes = await postgres.execWhenIdle(walBytesSinceCheckpoint)
    if (walBytes === null) return false
    const isDue = Date.now() >= checkpointDueAt
    if (Number(walBytes) < (isDue ? minWalBytes : maxWalBytes)) return true
    if ((await postgres.execWhenIdle('CHECKPOINT')) === null) return false
    checkpointDueAt = Date.now() + checkpointIntervalMilliseconds
    return true
  }

  async function vacuum(): Promise<boolean> {
    const table = await postgres.execWhenIdle(tableToVacuum(await writableBytes(dataDir)))
    if (table === null || table === '') return table === ''
    return (await postgres.execWhenIdle(`VACUUM (ANALYZE) ${table}`)) !== null
  }

  return () => clearTimeout(timer)
}
