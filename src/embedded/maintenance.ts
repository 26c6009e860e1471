import { writableBytes } from './disk-guard'
import type { EmbeddedPostgres } from './embedded-postgres'

const intervalMilliseconds = 15_000
const retryMilliseconds = 100
const checkpointIntervalMilliseconds = 5 * 60_000
const maxWalBytes = 32 * 1024 * 1024
const minWalBytes = 64 * 1024

const walBytesSinceCheckpoint =
  'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) FROM pg_control_checkpoint()'

// Thresholds of autovacuum, including the one against transaction id wraparound. `maxBytes` is needed because VACUUM
// ignores read-only mode, and its WAL can be as large as the table: on a full disk that would end Postgres.
const tableToVacuum = (maxBytes: number) => `
  SELECT format('%I.%I', s.schemaname, s.relname)
  FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE c.relkind = 'r' AND 1.25 * pg_total_relation_size(c.oid) <= ${maxBytes} AND (
    s.n_dead_tup > 500 + 0.2 * greatest(c.reltuples, 0)
    OR s.n_mod_since_analyze > 500 + 0.2 * greatest(c.reltuples, 0)
    OR age(c.relfrozenxid) > 200000000)
  ORDER BY s.n_dead_tup DESC LIMIT 1`

/**
 * Checkpoints and vacuums, as the background processes of a server would. Without it the WAL grows and dead rows stay.
 * Returns a function that stops it. See docs/workarounds.md#pglite-no-background.
 */
export function startMaintenance(postgres: EmbeddedPostgres, dataDir: string): () => void {
  let checkpointDueAt = Date.now() + checkpointIntervalMilliseconds
  let timer = setTimeout(run, intervalMilliseconds)

  async function run() {
    // A failure, such as a full disk, also affects the client, which reports it.
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
