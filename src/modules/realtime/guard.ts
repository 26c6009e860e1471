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
 * Lets a handshake pass, or throws `upgrade_required`, `forbidden` for a foreign page, `invalid_token`, `shutting_down`,
 * `overloaded`.
 * A ticket is looked at last, so that nothing else can use it up.
 */
export async function admitSocket(
  { deps, hub, lifecycle }: Pick<Runtime, 'deps' | 'hub' | 'lifecycle'>,
  { request, query, set }: Handshake,
): Promise<void> {
  if (lifecycle.isDraining) throw fail('shutting_down')
  if (!isWebSocket(request.headers)) throw fail('upgrade_required')
  if (!isAllowedOrigin(deps, request.headers)) throw fail('forbidden')
  const protocols = protocolsOf(request.headers)
  const visitor = await identify(deps, { request, query, protocols })
  // Unauthenticated sockets cost nothing to open: they must not use up the memory and the descriptors of users.
  if (visitor.kind === 'anonymous' && hub.unauthenticated.size >= maxUnauthenticated) throw fail('overloaded')
  if (visitor.kind === 'user') noteUser(request, visitor.userId)
  admitted.set(request, visitor)
  Object.assign(set.headers, handshakeHeaders(request))
  // Never the other entry of the list, which is the token.
  if (protocols.includes(protocol)) set.headers['sec-websocket-protocol'] = protocol
  set.status = 101
}

/** Throws `upgrade_required`: there is nothing here for plain HTTP. */
export function requireUpgrade(): never {
  throw fail('upgrade_required')
}

/** The actor of a socket; anonymous when its first message is to say who it is. */
export function visitorOf(request: Request): Visitor {
  const visitor = admitted.get(request)
  if (!visitor) throw new Error('a socket opens after its handshake was admitted')
  return visitor
}

type Visitor = UserActor | AnonymousActor

/** The router knows only the usual spelling of a value that has no case (RFC 6455 §4.2.1). */
export function normaliseUpgrade({ headers }: Request) {
  const upgrade = headers.get('upgrade')
  if (upgrade !== null && upgrade !== 'websocket' && upgrade.toLowerCase() === 'websocket')
    headers.set('upgrade', 'websocket')
}

const admitted = new WeakMap<Request, Visitor>()
const protocol = 'bearer'

const protocolsOf = (headers: Headers) =>
  (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())

/** What Bun would refuse in plain text, and after a ticket was used up. */
const isWebSocket = (headers: Headers) =>
  headers.get('sec-websocket-version') === '13' &&
  /^[A-Za-z0-9+/]{22}==$/.test(headers.get('sec-websocket-key') ?? '')

/** A browser names the page that asks, and sends its cookies and nothing to prove the user's wish; others name none. */
function isAllowedOrigin({ config }: Base, headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin === null || config.corsOrigins.includes(origin)) return true
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const own = `${protocol}//${headers.get('host') ?? ''}`
  return URL.canParse(own) && new URL(own).host === host
}

type Given = { request: Request; query: ConnectQuery; protocols: string[] }

async function identify(deps: Deps, { request, query, protocols }: Given): Promise<Visitor> {
  const at = protocols.indexOf(protocol)
  const offered = at === -1 ? undefined : protocols[at + 1]
  const token = bearerToken(request) ?? offered ?? (query.ticket === undefined ? query.token : undefined)
  const origin = copyOf(originOf(request))
  if (token === undefined && query.ticket === undefined) return { kind: 'anonymous', origin }
  const actor =
    token === undefined
      ? await redeem(deps, origin, query.ticket ?? '')
      : await authenticate(deps, origin, token)
  // Time may be a little off where a token is only looked at; here it would open a socket to close it at once.
  if (actor.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  return actor
}

/** The socket outlives the request, which is read no more once it has been upgraded. */
const copyOf = ({ ip, userAgent, requestId }: Origin): Origin => ({ ip, userAgent, requestId })
