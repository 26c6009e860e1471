import { ensureCluster } from './cluster'
import { DurableNodeFs } from './durable-file-system'
import { EmbeddedPostgres } from './embedded-postgres'
import { readPgliteFile } from './pglite-files'
import { startParams } from './server-parameters'

export type StartOptions = { dataDir: string; fsync: boolean; onCrash: (stderrTail: string) => void }

/** Starts Postgres on the cluster in `dataDir`, creating it if missing. Throws with the log of Postgres. */
export async function startPostgres({ dataDir, fsync, onCrash }: StartOptions) {
  // WebAssembly compiles on threads of the engine while this one unpacks the template.
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

// A transactional WAL message is a real commit that changes no table.
async function commitReachesDisk(postgres: EmbeddedPostgres, fs: DurableNodeFs): Promise<boolean> {
  const before = fs.fsyncCount
  await postgres.exec(`SELECT pg_logical_emit_message(true, 'fastkit', 'durable?')`)
  return fs.fsyncCount > before
}

const maxLogLines = 20

// Keeps the reason of a crash, but no ERROR lines, which hold values of users. See docs/workarounds.md#pglite-last-words.
function appendLog(lines: string[], line: string): false {
  if (/ (LOG|FATAL|PANIC): /.test(line)) lines.push(line)
  if (lines.length > maxLogLines) lines.shift()
  return false
}
