import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { AnonymousActor, Origin } from '../core/actor'
import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { FieldsOf } from '../core/log-events'
import { nameHost } from '../core/request-path'
import type { OnResponse } from '../core/response-info'
import type { Lifecycle } from '../core/service-lifecycle'
import { createPeerFinder, type Peer } from './client-address'
import { addStandardHeaders, jsonResponse, standardHeaders } from './security-headers'

type FindPeer = (request: Request) => Peer

/** Facts about a request for logs, rate limits and the list of sessions. */
class RequestInfo implements Origin {
  readonly request: Request
  readonly requestId: string
  readonly startedAt = performance.now()
  readonly #findPeer: FindPeer
  #peer: Peer | null
  userId: string | null = null
  /** The pattern of the route; null before routing. */
  route: string | null = null
  /** Whether the response has its standard headers. */
  hasHeaders = false

  constructor(request: Request, findPeer: FindPeer) {
    const given = request.headers.get('x-request-id')
    this.request = request
    this.requestId = given && acceptableId.test(given) ? given : Bun.randomUUIDv7()
    this.#findPeer = findPeer
    // Requests that write need the address for audit events. It is gone once the client has hung up; see
    // docs/workarounds.md#bun-request-ip.
    this.#peer = request.method === 'GET' ? null : findPeer(request)
  }

  /** Finds the client. It costs a system call, so it runs at most once and only when needed. */
  get peer(): Peer {
    this.#peer ??= this.#findPeer(this.request)
    return this.#peer
  }

  get ip(): string | null {
    return this.peer.ip
  }

  /** Cut to 256 characters. */
  get userAgent(): string | null {
    return this.request.headers.get('user-agent')?.slice(0, maxUserAgent) ?? null
  }
}

type Options = Pick<Config, 'trustedProxies'> & {
  lifecycle: Lifecycle
  log: Log
  /** Called for every response, after the access log. */
  onResponse: readonly OnResponse[]
  /** Routes that balancers call several times a second. Their successes are logged at `debug`. */
  probes: readonly string[]
  /** A function, because a hook that names the server makes Elysia define it on every request. */
  server(): Server<unknown> | null
}

const acceptableId = /^[A-Za-z0-9._-]{1,128}$/
const maxUserAgent = 256
const hsts = 'max-age=31536000; includeSubDomains'

/**
 * Request id, client address, standard headers and the access log: one line a request, without query strings and tokens.
 * It wraps the router, because hooks would cost as much as the rest of a request: see docs/workarounds.md#elysia-hook-cost.
 */
export function requestContext({ trustedProxies, lifecycle, log, onResponse, probes, server }: Options) {
  const peerOfSocket = createPeerFinder(trustedProxies)
  const findPeer = (request: Request) =>
    peerOfSocket(server()?.requestIP(request)?.address ?? null, request.headers)
  const mayBeTls = trustedProxies.length > 0

  function addHeaders(info: RequestInfo, response: Response) {
    if (!info.hasHeaders) addStandardHeaders(response, info.requestId)
    // The next request of the client then goes to another instance.
    if (lifecycle.isDraining) response.headers.set('connection', 'close')
    if (mayBeTls && info.peer.isTls) response.headers.set('strict-transport-security', hsts)
  }

  function finish(request: Request, info: RequestInfo, response: unknown): unknown {
    if (response instanceof Response) addHeaders(info, response)
    // Bun makes the response to a successful handshake.
    const status = response instanceof Response ? response.status : 101
    const { requestId, startedAt, route, userId } = info
    const { method } = request
    const durationMs = Math.round((performance.now() - startedAt) * 100) / 100
    const isProbe = status === 200 && route !== null && probes.includes(route)
    const fields: FieldsOf<'http.request'> = { requestId, method, route, status, durationMs, userId }
    if (isProbe) log.debug(fields, 'http.request')
    else log.info(fields, 'http.request')
    for (const notify of onResponse) notify({ request, method, route, status, seconds: durationMs / 1000 })
    return response
  }

  return new Elysia({ name: 'request-context' })
    .wrap((handle) => (request: Request) => {
      // See docs/workarounds.md#bun-request-url.
      nameHost(request)
      const info = new RequestInfo(request, findPeer)
      infos.set(request, info)
      const response: unknown = handle(request)
      return response instanceof Promise
        ? response.then((response) => finish(request, info, response))
        : finish(request, info, response)
    })
    .mapResponse({ as: 'global' }, ({ request, responseValue, route, set }) => {
      const info = infoOf(request)
      info.route = route
      if (set.status !== 200 || !isData(responseValue) || hasAny(set.headers)) return
      info.hasHeaders = true
      return jsonResponse(responseValue, info.requestId)
    })
    .onError({ as: 'global' }, ({ request, route }) => {
      infoOf(request).route = route || null
    })
}

const isData = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Response)

function hasAny(headers: object): boolean {
  for (const _ in headers) return true
  return false
}

/** The id that identifies the request in the log. */
export const requestId = (request: Request): string => infoOf(request).requestId

/** The client address; `null` for a request that did not arrive over a network. */
export const addressOf = (request: Request): string | null => infoOf(request).ip

/** The headers of a successful handshake, whose response Bun makes. */
export function handshakeHeaders(request: Request): Record<string, string> {
  const { peer, requestId } = infoOf(request)
  return { ...standardHeaders(requestId), ...(peer.isTls && { 'strict-transport-security': hsts }) }
}

/** The origin of a request. Its fields are read on demand, because most requests need none of them. */
export const originOf = (request: Request): Origin => infoOf(request)

/** The actor of an open route. Guarded ones have `actor` in their context. */
export const asRequest = (request: Request): AnonymousActor => ({
  kind: 'anonymous',
  origin: originOf(request),
})

/** Names the user of a request for the access log. */
export function noteUser(request: Request, userId: string) {
  infoOf(request).userId = userId
}

// Keyed by the request: an entry does not outlive it, and no handler can forge one.
const infos = new WeakMap<Request, RequestInfo>()

function infoOf(request: Request): RequestInfo {
  const info = infos.get(request)
  if (!info) throw new Error('a request has its context from the start')
  return info
}
