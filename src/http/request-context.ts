import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { FieldsOf } from '../core/log-events'
import { nameHost } from '../core/request-path'
import type { OnResponse } from '../core/response-info'
import type { Acting, Caller, Deps, Lifecycle } from '../deps'
import { createPeerFinder, type Peer } from './client-address'
import { addStandardHeaders, jsonResponse, standardHeaders } from './security-headers'

/** Facts about a request for logs, rate limits and the list of sessions. */
type RequestInfo = {
  id: string
  startedAt: number
  /** Finds the client. It costs a system call, so it runs at most once and only when needed. */
  findPeer: (request: Request) => Peer
  peer: Peer | null
  userId: string | null
  /** The pattern of the route; null before routing. */
  route: string | null
  /** Whether the response has its standard headers. */
  hasHeaders: boolean
}

type Options = Pick<Config, 'trustedProxies'> & {
  lifecycle: Lifecycle
  log: Log
  /** Called with each response; the list may grow later. */
  onResponse: readonly OnResponse[]
  /** Routes of health checks. Their successes are logged at `debug`, because they would fill the log. */
  probes: readonly string[]
  /** The server of the application. See docs/workarounds.md#elysia-hook-cost. */
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

  function addHeaders(request: Request, info: RequestInfo, response: Response) {
    if (!info.hasHeaders) addStandardHeaders(response, info.id)
    // The next request of the client then goes to another instance.
    if (lifecycle.isDraining) response.headers.set('connection', 'close')
    if (mayBeTls && peerOf(request, info).isTls) response.headers.set('strict-transport-security', hsts)
  }

  function finish(request: Request, info: RequestInfo, response: unknown): unknown {
    if (response instanceof Response) addHeaders(request, info, response)
    // Bun makes the response to a successful handshake.
    const status = response instanceof Response ? response.status : 101
    const { id, startedAt, route, userId } = info
    const { method } = request
    const durationMs = Math.round((performance.now() - startedAt) * 100) / 100
    const isProbe = status === 200 && route !== null && probes.includes(route)
    const fields: FieldsOf<'http.request'> = { requestId: id, method, route, status, durationMs, userId }
    if (isProbe) log.debug(fields, 'http.request')
    else log.info(fields, 'http.request')
    for (const notify of onResponse) notify({ request, method, route, status, seconds: durationMs / 1000 })
    return response
  }

  return new Elysia({ name: 'request-context' })
    .wrap((handle) => (request: Request) => {
      // See docs/workarounds.md#bun-request-url.
      nameHost(request)
      const info = begin(request, findPeer)
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
      return jsonResponse(responseValue, info.id)
    })
    .onError({ as: 'global' }, ({ request, route }) => {
      infoOf(request).route = route || null
    })
}

function begin(request: Request, findPeer: RequestInfo['findPeer']): RequestInfo {
  const given = request.headers.get('x-request-id')
  const id = given && acceptableId.test(given) ? given : Bun.randomUUIDv7()
  const startedAt = performance.now()
  // Audit events of a change need the address, even after a client hangs up. See docs/workarounds.md#bun-request-ip.
  const peer = request.method === 'GET' ? null : findPeer(request)
  return { id, startedAt, findPeer, peer, userId: null, route: null, hasHeaders: false }
}

const isData = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !(value instanceof Response)

function hasAny(headers: object): boolean {
  for (const _ in headers) return true
  return false
}

const peerOf = (request: Request, info: RequestInfo): Peer => (info.peer ??= info.findPeer(request))

/** The id that finds this request in the log. */
export const requestId = (request: Request): string => infoOf(request).id

/** The address that a request comes from; `null` when it comes over no network. */
export const addressOf = (request: Request): string | null => peerOf(request, infoOf(request)).ip

/** The headers of a successful handshake, whose response Bun makes. */
export function handshakeHeaders(request: Request): Record<string, string> {
  const info = infoOf(request)
  const { isTls } = peerOf(request, info)
  return { ...standardHeaders(info.id), ...(isTls && { 'strict-transport-security': hsts }) }
}

/** The same `deps`, acting for whoever sent a request. */
export const onBehalf = (deps: Deps, request: Request): Acting => ({
  ...deps,
  caller: callerOf(request),
})

/** Who sent a request, and from where; the user agent is cut to 256 characters. */
function callerOf(request: Request): Caller {
  const info = infoOf(request)
  const userAgent = request.headers.get('user-agent')?.slice(0, maxUserAgent) ?? null
  return { requestId: info.id, ip: peerOf(request, info).ip, userAgent, userId: info.userId }
}

/** Lets the access log name the user of a request. */
export function noteUser(request: Request, userId: string) {
  infoOf(request).userId = userId
}

// Keyed by the request: an entry ends with its request, and no handler can forge one.
const infos = new WeakMap<Request, RequestInfo>()

function infoOf(request: Request): RequestInfo {
  const info = infos.get(request)
  if (!info) throw new Error('requestContext wraps every request')
  return info
}
