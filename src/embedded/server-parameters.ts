// Settings for one connection. Shared memory is kept small, because it is part of the idle size of the process.
const common = {
  search_path: 'public',
  exit_on_error: 'false',
  log_checkpoints: 'false',
  io_method: 'sync',
  jit: 'off',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_connections: '5',
  max_wal_senders: '0',
  max_replication_slots: '0',
  shared_buffers: '8MB',
  wal_buffers: '512kB',
  min_wal_size: '8MB',
} as const

// The method is `fsync`, because DurableNodeFs does not see calls of the default `fdatasync`.
const durable = {
  fsync: 'on',
  wal_sync_method: 'fsync',
  synchronous_commit: 'on',
  full_page_writes: 'on',
} as const

/** The arguments of Postgres. The list of PGlite begins with `-F`: see docs/workarounds.md#pglite-no-fsync. */
export function startParams(options: { fsync: boolean }): string[] {
  const settings = { ...common, ...(options.fsync ? durable : { fsync: 'off' }) }
  return [
    '--single',
    '-j',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}
