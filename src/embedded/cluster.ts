import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDir } from '../core/sync-files'
import { unpack } from './archive'
import { loadTemplate } from './cluster-template'

const postgresMajor = '18'

/** The path of the cluster in `dataDir`, created if missing. Throws if it has another major version of PostgreSQL. */
export async function ensureCluster(dataDir: string, options: { fsync: boolean }): Promise<string> {
  const cluster = join(dataDir, 'pg')
  if (!existsSync(cluster)) await create(cluster, options)
  const major = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()
  if (major !== postgresMajor) {
    throw new Error(
      `${cluster} is a PostgreSQL ${major} database; this version of fastkit reads ${postgresMajor}`,
    )
  }
  return cluster
}

// Unpacks under another name and renames, so that a killed start leaves nothing that looks like a database.
async function create(cluster: string, options: { fsync: boolean }) {
  const partial = `${cluster}.new`
  rmSync(partial, { recursive: true, force: true })
  await unpack(await loadTemplate(), partial, options)
  renameSync(partial, cluster)
  if (!options.fsync) return
  const dataDir = dirname(cluster)
  syncDir(dataDir)
  try {
    syncDir(dirname(dataDir))
  } catch {
    // The parent may belong to another user, who created `dataDir` before this start.
  }
}
