import { fsyncSync } from 'node:fs'
import { NodeFS } from '@electric-sql/pglite/nodefs'

type EmscriptenOptions = Parameters<NodeFS['init']>[1]

/** Internals of PGlite's NODEFS. None of them is public, so they are checked before use. */
type NodeFsInternals = {
  stream_ops: { fsync?: (stream: { nfd: number }) => number }
  tryFSOperation: (operation: () => void) => void
}

/**
 * PGlite's file system drops every fsync, so a commit would not survive a power loss. This one passes them on and
 * counts them: if a new PGlite moves its internals, the count stands still and the start-up check says so.
 */
export class DurableNodeFs extends NodeFS {
  fsyncCount = 0
  readonly #onAbort: () => void

  constructor(dataDir: string, onAbort: () => void) {
    super(dataDir)
    this.#onAbort = onAbort
  }

  override async init(...[pg, options]: Parameters<NodeFS['init']>) {
    const { emscriptenOpts } = await super.init(pg, options)
    const install = (mod: object) => this.#install('NODEFS' in mod ? mod.NODEFS : null)
    const preRun: EmscriptenOptions['preRun'] = [...(emscriptenOpts.preRun ?? []), install]
    return { emscriptenOpts: { ...emscriptenOpts, preRun, onAbort: this.#onAbort } }
  }

  #install(nodeFs: unknown) {
    if (!isNodeFsInternals(nodeFs)) return
    nodeFs.stream_ops.fsync = (stream) => {
      // A failed sync must reach Postgres as an errno: it then refuses to go on rather than trust the page cache.
      nodeFs.tryFSOperation(() => fsyncSync(stream.nfd))
      this.fsyncCount += 1
      return 0
    }
  }
}

function isNodeFsInternals(value: unknown): value is NodeFsInternals {
  if (typeof value !== 'object' || value === null) return false
  if (!('stream_ops' in value) || !('tryFSOperation' in value)) return false
  return typeof value.stream_ops === 'object' && typeof value.tryFSOperation === 'function'
}
