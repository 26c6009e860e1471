import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { pack } from './archive'
import { embeddedAsset, readPgliteFile } from './pglite-files'

/** The name of the template among the embedded files. */
export const templateAsset = 'pglite.template'

// WAL segments of the default 16 MB would be half of a fresh directory.
const initdbArguments = ['--wal-segsize=4']

// The template databases are two thirds of the files that a first start writes, and nothing would vacuum them.
const slimmingStatements = [
  `UPDATE pg_database SET datistemplate = false WHERE datname <> 'postgres'`,
  'DROP DATABASE template1',
  'DROP DATABASE template0',
  'VACUUM (FREEZE, ANALYZE)',
]

/** The packed, initialised cluster: embedded, cached or made now. See docs/workarounds.md#pglite-initdb. */
export async function loadTemplate(): Promise<Uint8Array<ArrayBuffer>> {
  const embedded = await embeddedAsset(templateAsset)
  if (embedded) return embedded
  const cached = await cachedTemplatePath()
  if (existsSync(cached)) return readFileSync(cached)
  const made = await buildTemplate()
  try {
    save(cached, made)
  } catch {
    // With a read-only node_modules, the next first start makes the template again.
  }
  return made
}

/** Writes the template to `path`, for the build script and for tests. */
export async function makeTemplate(path: string): Promise<void> {
  save(path, await loadTemplate())
}

// The name is a hash of all inputs, so a new PGlite or other parameters lead to a new template.
async function cachedTemplatePath(): Promise<string> {
  const recipe = Bun.hash.crc32([...initdbArguments, ...slimmingStatements].join())
  const key = Bun.hash(await readPgliteFile('pglite.wasm'), recipe).toString(36)
  return join(import.meta.dir, '../../node_modules/.cache/fastkit', `pglite-${key}.template`)
}

async function buildTemplate(): Promise<Uint8Array<ArrayBuffer>> {
  const scratch = mkdtempSync(join(tmpdir(), 'fastkit-initdb-'))
  try {
    const dataDir = join(scratch, 'pg')
    const pg = await PGlite.create({ dataDir, initDbStartParams: initdbArguments })
    for (const statement of slimmingStatements) await pg.exec(statement)
    await pg.close()
    return pack(dataDir)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Saves by rename, because another process may be reading or writing the same file. */
function save(path: string, template: Uint8Array) {
  mkdirSync(dirname(path), { recursive: true })
  const partial = `${path}.${process.pid}`
  writeFileSync(partial, template)
  renameSync(partial, path)
}
