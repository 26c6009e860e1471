import { fsyncSync } from 'node:fs'
import { NodeFS } from '@electric-sql/pglite/nodefs'

type EmscriptenOptions = Parameters<NodeFS['init']>[1]

/** Internals of NODEFS in PGlite. They are not public, so they are checked before use. */
type NodeFsInternals = {
  stream_ops: { fsync?: (stream: { nfd: number }) => number }
  tryFSOperation: (operation: () => void) => void
}

/**
 * Passes fsync on to the disk and counts the calls. PGlite drops them, so a commit would not survive a power loss; the
 * check at start fails when no call is counted. See docs/workarounds.md#pglite-no-fsync.
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
      // Postgres gets the errno of a failed sync, and stops instead of trusting the page cache.
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
