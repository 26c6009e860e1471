import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeTemplate, templateAsset } from './cluster-template'
import { type PgliteFile, readPgliteFile } from './pglite-files'

const pgliteFiles: PgliteFile[] = ['pglite.wasm', 'pglite.data']

/** Writes the files that the executable embeds into `dir`. Returns their paths, for `compile.assets` of the build. */
export async function makeAssets(dir: string): Promise<string[]> {
  mkdirSync(dir, { recursive: true })
  const template = join(dir, templateAsset)
  await makeTemplate(template)
  return [template, ...(await Promise.all(pgliteFiles.map((name) => compressFile(dir, name))))]
}

// Shrinks 15 MB to 4 at the cost of some 40 ms at every start.
async function compressFile(dir: string, name: PgliteFile): Promise<string> {
  const path = join(dir, `${name}.zst`)
  await Bun.write(path, await Bun.zstdCompress(await readPgliteFile(name), { level: 19 }))
  return path
}
