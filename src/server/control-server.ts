import { chmodSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail, failureIn } from '../core/errors'
import type { Base, Runtime } from '../deps'
import type { Snapshot } from '../embedded/snapshot'
import { prepareSocket } from '../embedded/unix-socket'
import { maxBodyBytes, readJson } from '../http/body'
import { controlSocket, snapshotPath } from './control-protocol'
import { perform } from './user-admin'

export type ControlServer = { close(): Promise<void> }

// A command may wait for a slow hash. See docs/workarounds.md#bun-idle-timeout.
const maxCommandSeconds = 60
const maxCloseMilliseconds = 1000

type ControlParts = Pick<Runtime, 'deps' | 'lifecycle'>
type SnapshotSource = { snapshot: (() => Promise<Snapshot>) | null }

/**
 * Serves `fastkit user` and `fastkit backup` on a socket in `DATA_DIR`, because the embedded database takes one client.
 * It needs no authentication: the owner of the socket also owns the directory with the database and the keys.
 */
export function startControlServer(runtime: ControlParts, { snapshot }: SnapshotSource): ControlServer {
  const { deps } = runtime
  const socket = prepareSocket(resolve(deps.config.dataDir), controlSocket)
  const server = Bun.serve({
    unix: socket.path,
    development: false,
    maxRequestBodySize: maxBodyBytes,
    fetch: (request, server) => {
      const isSnapshot = new URL(request.url).pathname === snapshotPath
      // A copy takes as long as the disk needs, so it has no timeout.
      server.timeout(request, isSnapshot ? 0 : maxCommandSeconds)
      return respond(runtime, request, async () =>
        isSnapshot && snapshot ? takeSnapshot(deps, snapshot) : perform(deps, await readCommand(request)),
      )
    },
  })
  chmodSync(socket.path, 0o600)
  return {
    async close() {
      await Promise.race([server.stop(), Bun.sleep(maxCloseMilliseconds)])
      await server.stop(true)
      socket.remove()
    },
  }
}

/** `GET` only checks whether the service accepts commands; any other method runs one. */
async function respond(
  { deps, lifecycle }: ControlParts,
  request: Request,
  work: () => Promise<unknown>,
): Promise<Response> {
  try {
    if (lifecycle.isDraining) throw fail('shutting_down')
    if (!lifecycle.isMigrated) throw fail('database_unavailable')
    if (request.method === 'GET') return Response.json({ ok: true })
    return Response.json({ ok: true, value: await work() })
  } catch (cause) {
    const { code, errors } = failureIn(cause) ?? fail('internal', { cause })
    if (code === 'internal') deps.log.error({ err: cause }, 'control.internal_error')
    return Response.json({ code, errors }, { status: 400 })
  }
}

/** Returns the error message, such as that of a full disk, because the caller owns the directory. */
async function takeSnapshot({ log }: Base, take: () => Promise<Snapshot>) {
  try {
    const snapshot = await take()
    log.info({ heldMs: snapshot.heldMilliseconds }, 'database.snapshot_taken')
    return snapshot
  } catch (err) {
    log.warn({ err }, 'database.snapshot_failed')
    return { problem: err instanceof Error ? err.message : String(err) }
  }
}

async function readCommand(request: Request): Promise<unknown> {
  try {
    return await readJson(request)
  } catch (cause) {
    throw failureIn(cause) ?? fail('malformed_body', { cause })
  }
}
