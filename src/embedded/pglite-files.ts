import { fileURLToPath } from 'node:url'

export type PgliteFile = 'pglite.wasm' | 'pglite.data'

/** A file of the PGlite package, from the executable or from `node_modules`. */
export async function readPgliteFile(name: PgliteFile): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await embeddedAsset(`${name}.zst`)
  if (packed) return new Uint8Array(await Bun.zstdDecompress(packed))
  return Bun.file(fileURLToPath(import.meta.resolve(`@electric-sql/pglite/${name}`))).bytes()
}

/** A file that is embedded in the executable; null when running from source. */
export async function embeddedAsset(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!Bun.isStandaloneExecutable) return null
  const file = Bun.embeddedFiles.find((file) => 'name' in file && file.name === name)
  if (!file) throw new Error(`this executable was built without ${name}`)
  return file.bytes()
}
