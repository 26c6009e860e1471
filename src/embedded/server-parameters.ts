// Each is one Postgres setting. Shared memory is part of the idle size of the process; one connection needs little.
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

// `fsync` and not the default `fdatasync`: the file system hook sees only the former.
const durable = {
  fsync: 'on',
  wal_sync_method: 'fsync',
  synchronous_commit: 'on',
  full_page_writes: 'on',
} as const

/** Postgres arguments. PGlite's own list begins with `-F`, which would turn every fsync off. */
export function startParams(options: { fsync: boolean }): string[] {
  const settings = { ...common, ...(options.fsync ? durable : { fsync: 'off' }) }
  return [
    '--single',
    '-j',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}
