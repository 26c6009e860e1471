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

// Bun ends a silent connection after ten seconds, which a costly hash behind others may take.
const maxCommandSeconds = 60
const maxCloseMilliseconds = 1000

type Controlled = Pick<Runtime, 'deps' | 'lifecycle'>
type Snapshooter = { snapshot: (() => Promise<Snapshot>) | null }

/**
 * Listens in `DATA_DIR` for `fastkit user` and `fastkit backup`: the embedded database takes one client, and the service
 * is it. Who can open the socket owns the directory, with database and keys, so nothing more is asked of them.
 */
export function startControlServer(runtime: Controlled, { snapshot }: Snapshooter): ControlServer {
  const { deps } = runtime
  const place = prepareSocket(resolve(deps.config.dataDir), controlSocket)
  const server = Bun.serve({
    unix: place.path,
    development: false,
    maxRequestBodySize: maxBodyBytes,
    fetch: (request, server) => {
      const isSnapshot = new URL(request.url).pathname === snapshotPath
      // A copy takes as long as the disk does; whoever waits for it has gone when the connection has.
      server.timeout(request, isSnapshot ? 0 : maxCommandSeconds)
      return answer(runtime, request, async () =>
        isSnapshot && snapshot ? tell(deps, snapshot) : perform(deps, await command(request)),
      )
    },
  })
  chmodSync(place.path, 0o600)
  return {
    async close() {
      await Promise.race([server.stop(), Bun.sleep(maxCloseMilliseconds)])
      await server.stop(true)
      place.remove()
    },
  }
}

/** `GET` asks whether the service takes commands now, anything else brings one. */
async function answer(
  { deps, lifecycle }: Controlled,
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

/** Why it failed (a full disk, say) is for whoever asked: it is the owner of the directory. */
async function tell({ log }: Base, take: () => Promise<Snapshot>) {
  try {
    const snapshot = await take()
    log.info({ heldMs: snapshot.heldMilliseconds }, 'database.snapshot_taken')
    return snapshot
  } catch (err) {
    log.warn({ err }, 'database.snapshot_failed')
    return { problem: err instanceof Error ? err.message : String(err) }
  }
}

async function command(request: Request): Promise<unknown> {
  try {
    return await readJson(request)
  } catch (cause) {
    throw failureIn(cause) ?? fail('malformed_body', { cause })
  }
}
