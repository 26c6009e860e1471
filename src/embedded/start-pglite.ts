import { ensureCluster } from './cluster'
import { DurableNodeFs } from './durable-file-system'
import { EmbeddedPostgres } from './embedded-postgres'
import { readPgliteFile } from './pglite-files'
import { startParams } from './server-parameters'

export type StartOptions = { dataDir: string; fsync: boolean; onCrash: (stderrTail: string) => void }

/** Boots Postgres on the cluster in `dataDir`, making that first if need be. Throws with Postgres' own words. */
export async function startPostgres({ dataDir, fsync, onCrash }: StartOptions) {
  // Compiles on the engine's own threads while this one unpacks the template.
  const [pgliteWasmModule, data, cluster] = await Promise.all([
    readPgliteFile('pglite.wasm').then((bytes) => WebAssembly.compile(bytes)),
    readPgliteFile('pglite.data'),
    ensureCluster(dataDir, { fsync }),
  ])
  const stderrTail: string[] = []
  const fs = new DurableNodeFs(cluster, () => onCrash(stderrTail.join('\n')))
  const postgres = new EmbeddedPostgres({
    fs,
    pgliteWasmModule,
    fsBundle: new Blob([data]),
    startParams: startParams({ fsync }),
    onStderr: (line) => appendLog(stderrTail, line),
  })
  try {
    await postgres.waitReady
  } catch (error) {
    throw new Error(['the embedded database did not start', ...stderrTail].join('\n'), { cause: error })
  }
  return { postgres, isDurable: fsync && (await commitReachesDisk(postgres, fs)) }
}

// A transactional WAL message is a real commit that leaves nothing behind in any table.
async function commitReachesDisk(postgres: EmbeddedPostgres, fs: DurableNodeFs): Promise<boolean> {
  const before = fs.fsyncCount
  await postgres.exec(`SELECT pg_logical_emit_message(true, 'fastkit', 'durable?')`)
  return fs.fsyncCount > before
}

const maxLines = 20

// ERROR lines are dropped: their DETAIL and STATEMENT hold values that users sent.
function appendLog(lines: string[], line: string): false {
  if (/ (LOG|FATAL|PANIC): /.test(line)) lines.push(line)
  if (lines.length > maxLines) lines.shift()
  return false
}
