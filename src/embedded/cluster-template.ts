import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { pack } from './archive'
import { embeddedAsset, readPgliteFile } from './pglite-files'

/** Name under which the build embeds the template. */
export const templateAsset = 'pglite.template'

// Small WAL segments: 16 MB ones would be half of a fresh directory.
const initdbArguments = ['--wal-segsize=4']

// Nothing vacuums the template databases here, and they are two thirds of the files that a first start writes.
const slimming = [
  `UPDATE pg_database SET datistemplate = false WHERE datname <> 'postgres'`,
  'DROP DATABASE template1',
  'DROP DATABASE template0',
  'VACUUM (FREEZE, ANALYZE)',
]

/** The packed, initialised cluster: embedded in the executable, else from a cache, else made now (some 5 s and 1 GB). */
export async function loadTemplate(): Promise<Uint8Array<ArrayBuffer>> {
  const embedded = await embeddedAsset(templateAsset)
  if (embedded) return embedded
  const cached = await cachedTemplatePath()
  if (existsSync(cached)) return readFileSync(cached)
  const made = await buildTemplate()
  try {
    save(cached, made)
  } catch {
    // A read-only node_modules costs time at the next fresh start, nothing else.
  }
  return made
}

/** Writes the template to `path`; for the build script and for tests. */
export async function makeTemplate(path: string): Promise<void> {
  save(path, await loadTemplate())
}

// Named after all that goes into it, so a new PGlite or a changed recipe makes a new one.
async function cachedTemplatePath(): Promise<string> {
  const recipe = Bun.hash.crc32([...initdbArguments, ...slimming].join())
  const key = Bun.hash(await readPgliteFile('pglite.wasm'), recipe).toString(36)
  return join(import.meta.dir, '../../node_modules/.cache/fastkit', `pglite-${key}.template`)
}

async function buildTemplate(): Promise<Uint8Array<ArrayBuffer>> {
  const scratch = mkdtempSync(join(tmpdir(), 'fastkit-initdb-'))
  try {
    const dataDir = join(scratch, 'pg')
    const pg = await PGlite.create({ dataDir, initDbStartParams: initdbArguments })
    for (const statement of slimming) await pg.exec(statement)
    await pg.close()
    return pack(dataDir)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** By rename, because another process may be reading or making the same file. */
function save(path: string, template: Uint8Array) {
  mkdirSync(dirname(path), { recursive: true })
  const partial = `${path}.${process.pid}`
  writeFileSync(partial, template)
  renameSync(partial, path)
}
