import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { bearerToken } from '../../http/bearer-token'
import { handshakeHeaders, noteUser } from '../../http/request-context'
import { authenticate, type Principal } from '../sessions/service'
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
export async function admitSocket(deps: Deps, { request, query, set }: Handshake): Promise<void> {
  if (deps.lifecycle.isDraining) throw fail('shutting_down')
  if (!isWebSocket(request.headers)) throw fail('upgrade_required')
  if (!isWelcome(deps, request.headers)) throw fail('forbidden')
  const protocols = protocolsOf(request.headers)
  const principal = await identify(deps, { request, query, protocols })
  // Strangers cost nothing to send: they must not use up the memory and the descriptors of those who are known.
  if (!principal && deps.hub.unauthenticated.size >= maxUnauthenticated) throw fail('overloaded')
  if (principal) noteUser(request, principal.userId)
  admitted.set(request, principal)
  Object.assign(set.headers, handshakeHeaders(request))
  // Never the other entry of the list, which is the token.
  if (protocols.includes(protocol)) set.headers['sec-websocket-protocol'] = protocol
  set.status = 101
}

/** Throws `upgrade_required`: there is nothing here for plain HTTP. */
export function askToUpgrade(): never {
  throw fail('upgrade_required')
}

/** Who a socket speaks for; `null` when it is to say so in its first message. */
export const principalOf = (request: Request): Principal | null => admitted.get(request) ?? null

/** The router knows only the usual spelling of a value that has no case (RFC 6455 §4.2.1). */
export function normaliseUpgrade({ headers }: Request) {
  const upgrade = headers.get('upgrade')
  if (upgrade !== null && upgrade !== 'websocket' && upgrade.toLowerCase() === 'websocket')
    headers.set('upgrade', 'websocket')
}

const admitted = new WeakMap<Request, Principal | null>()
const protocol = 'bearer'

const protocolsOf = (headers: Headers) =>
  (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())

/** What Bun would refuse in plain text, and after a ticket was used up. */
const isWebSocket = (headers: Headers) =>
  headers.get('sec-websocket-version') === '13' &&
  /^[A-Za-z0-9+/]{22}==$/.test(headers.get('sec-websocket-key') ?? '')

/** A browser names the page that asks, and sends its cookies and nothing to prove the user's wish; others name none. */
function isWelcome({ config }: Deps, headers: Headers): boolean {
  const origin = headers.get('origin')
  if (origin === null || config.corsOrigins.includes(origin)) return true
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const own = `${protocol}//${headers.get('host') ?? ''}`
  return URL.canParse(own) && new URL(own).host === host
}

type Given = { request: Request; query: ConnectQuery; protocols: string[] }

async function identify(deps: Deps, { request, query, protocols }: Given): Promise<Principal | null> {
  const at = protocols.indexOf(protocol)
  const offered = at === -1 ? undefined : protocols[at + 1]
  const token = bearerToken(request) ?? offered ?? (query.ticket === undefined ? query.token : undefined)
  if (token === undefined && query.ticket === undefined) return null
  const principal =
    token === undefined ? await redeem(deps, query.ticket ?? '') : await authenticate(deps, token)
  // Time may be a little off where a token is only looked at; here it would open a socket to close it at once.
  if (principal.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  return principal
}
