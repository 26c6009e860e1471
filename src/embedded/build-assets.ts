import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeTemplate, templateAsset } from './cluster-template'
import { type PgliteFile, readPgliteFile } from './pglite-files'

const pgliteFiles: PgliteFile[] = ['pglite.wasm', 'pglite.data']

/** For the build script: writes what the executable must embed into `dir` and answers the paths, for `compile.assets`. */
export async function makeAssets(dir: string): Promise<string[]> {
  mkdirSync(dir, { recursive: true })
  const template = join(dir, templateAsset)
  await makeTemplate(template)
  return [template, ...(await Promise.all(pgliteFiles.map((name) => compressFile(dir, name))))]
}

// 15 MB become 4, for some 40 ms at every start.
async function compressFile(dir: string, name: PgliteFile): Promise<string> {
  const path = join(dir, `${name}.zst`)
  await Bun.write(path, await Bun.zstdCompress(await readPgliteFile(name), { level: 19 }))
  return path
}
