import type { AnonymousActor, Origin, UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import type { Base, Deps, Runtime } from '../../deps'
import { bearerToken } from '../../http/bearer-token'
import { handshakeHeaders, noteUser, originOf } from '../../http/request-context'
import { authenticate } from '../sessions/service'
import { maxUnauthenticated } from './limits'
import type { ConnectQuery } from './schema'
import { redeem } from './tickets'

type Handshake = {
  request: Request
  query: ConnectQuery
  set: { status?: number | string; headers: Record<string, string | number> }
}

/**
 * Accepts a WebSocket handshake. The ticket is checked last, so that a request that is refused for another reason does not
 * use it up. Throws `upgrade_required`, `forbidden` for a foreign origin, `invalid_token`, `shutting_down`, `overloaded`.
 */
export async function admitSocket(
  { deps, hub, lifecycle }: Pick<Runtime, 'deps' | 'hub' | 'lifecycle'>,
  { request, query, set }: Handshake,
): Promise<void> {
  if (lifecycle.isDraining) throw fail('shutting_down')
  if (!isWebSocket(request.headers)) throw fail('upgrade_required')
  if (!isAllowedOrigin(deps, request.headers)) throw fail('forbidden')
  const protocols = protocolsOf(request.headers)
  const actor = await identify(deps, { request, query, protocols })
  // Anyone can open unauthenticated sockets, so their number is limited: they use memory and file descriptors.
  if (actor.kind === 'anonymous' && hub.unauthenticated.size >= maxUnauthenticated) throw fail('overloaded')
  if (actor.kind === 'user') noteUser(request, actor.userId)
  admitted.set(request, actor)
  Object.assign(set.headers, handshakeHeaders(request))
  // Only this entry is returned. The other entry of the list is the token.
  if (protocols.includes(protocol)) set.headers['sec-websocket-protocol'] = protocol
  set.status = 101
}

/** Handles a plain HTTP request to the WebSocket route. Throws `upgrade_required`. */
export function requireUpgrade(): never {
  throw fail('upgrade_required')
}

/** The actor of a handshake. It is anonymous when the client sends its token in the first message. */
export function socketActor(request: Request): SocketActor {
  const actor = admitted.get(request)
  if (!actor) throw new Error('a socket opens after its handshake was admitted')
  return actor
}

type SocketActor = UserActor | AnonymousActor

/** Lower-cases the `Upgrade` header for the router. See docs/workarounds.md#elysia-ws-upgrade-case. */
export function normaliseUpgrade({ headers }: Request) {
  const upgrade = headers.get('upgrade')
  if (upgrade !== null && upgrade !== 'websocket' && upgrade.toLowerCase() === 'websocket')
    headers.set('upgrade', 'websocket')
}

const admitted = new WeakMap<Request, SocketActor>()
const protocol = 'bearer'

const protocolsOf = (headers: Headers) =>
  (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())

/** Checks the key and the version before Bun does. See docs/workarounds.md#bun-ws-handshake. */
const isWebSocket = (headers: Headers) =>
  headers.get('sec-websocket-version') === '13' &&
  /^[A-Za-z0-9+/]{22}==$/.test(headers.get('sec-websocket-key') ?? '')

/** Prevents cross-site WebSocket hijacking (RFC 6455 §10.2). Clients other than browsers send no `Origin`. */
function isAllowedOrigin({ config }: Base, headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin === null || config.corsOrigins.includes(origin)) return true
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const own = `${protocol}//${headers.get('host') ?? ''}`
  return URL.canParse(own) && new URL(own).host === host
}

type Credentials = { request: Request; query: ConnectQuery; protocols: string[] }

async function identify(deps: Deps, { request, query, protocols }: Credentials): Promise<SocketActor> {
  const at = protocols.indexOf(protocol)
  const offered = at === -1 ? undefined : protocols[at + 1]
  const token = bearerToken(request) ?? offered ?? (query.ticket === undefined ? query.token : undefined)
  const origin = copyOf(originOf(request))
  if (token === undefined && query.ticket === undefined) return { kind: 'anonymous', origin }
  const actor =
    token === undefined
      ? await redeem(deps, origin, query.ticket ?? '')
      : await authenticate(deps, origin, token)
  // `authenticate` tolerates some clock skew. A socket with an expired token would be closed at once.
  if (actor.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  return actor
}

/** Copies the fields, because the socket outlives the request. */
const copyOf = ({ ip, userAgent, requestId }: Origin): Origin => ({ ip, userAgent, requestId })
