import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { AnonymousActor, Origin } from '../core/actor'
import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { FieldsOf } from '../core/log-events'
import { nameHost } from '../core/request-path'
import type { OnResponse } from '../core/response-info'
import type { Lifecycle } from '../core/service-lifecycle'
import { addressReader, type Peer } from './client-address'
import { complete, completeJson, standardHeaders } from './security-headers'

type FindPeer = (request: Request) => Peer

/** What is known of a request beside what it says: for logs, limits and the list of sessions. */
class RequestInfo implements Origin {
  readonly request: Request
  readonly requestId: string
  readonly startedAt = performance.now()
  readonly #findPeer: FindPeer
  #peer: Peer | null
  userId: string | null = null
  /** The pattern of its route, once it has one. */
  route: string | null = null
  /** Whether the answer has its headers already. */
  isComplete = false

  constructor(request: Request, findPeer: FindPeer) {
    const given = request.headers.get('x-request-id')
    this.request = request
    this.requestId = given && acceptableId.test(given) ? given : Bun.randomUUIDv7()
    this.#findPeer = findPeer
    // What changes something may be put on record, and by then a client that hung up would have no address.
    this.#peer = request.method === 'GET' ? null : findPeer(request)
  }

  /** Asks the system, so it is asked only when somebody wants to know. */
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
  /** Whom else to tell what the access log tells; read at every answer. */
  onResponse: readonly OnResponse[]
  /** Routes that are asked so often that a log would hold little else: what they answer in good times is for `debug`. */
  probes: readonly string[]
  /** Asked of the service itself: a hook that names the server makes Elysia define it on every request. */
  server(): Server<unknown> | null
}

const acceptableId = /^[A-Za-z0-9._-]{1,128}$/
const maxUserAgent = 256
const hsts = 'max-age=31536000; includeSubDomains'

/**
 * Request id, client address, the headers of every answer and the access log: one line a request, without query strings
 * and tokens. It stands around the router, because hooks inside would cost as much as all the rest of a request.
 */
export function requests({ trustedProxies, lifecycle, log, onResponse, probes, server }: Options) {
  const readPeer = addressReader(trustedProxies)
  const findPeer = (request: Request) =>
    readPeer(server()?.requestIP(request)?.address ?? null, request.headers)
  const mayBeTls = trustedProxies.length > 0

  function addHeaders(info: RequestInfo, answer: Response) {
    if (!info.isComplete) complete(answer, info.requestId)
    // What the client asks next goes to another instance.
    if (lifecycle.isDraining) answer.headers.set('connection', 'close')
    if (mayBeTls && info.peer.isTls) answer.headers.set('strict-transport-security', hsts)
  }

  function finish(request: Request, info: RequestInfo, answer: unknown): unknown {
    if (answer instanceof Response) addHeaders(info, answer)
    // A handshake that succeeded has no answer of ours.
    const status = answer instanceof Response ? answer.status : 101
    const { requestId, startedAt, route, userId } = info
    const { method } = request
    const durationMs = Math.round((performance.now() - startedAt) * 100) / 100
    const isProbe = status === 200 && route !== null && probes.includes(route)
    const fields: FieldsOf<'http.request'> = { requestId, method, route, status, durationMs, userId }
    if (isProbe) log.debug(fields, 'http.request')
    else log.info(fields, 'http.request')
    for (const tell of onResponse) tell({ request, method, route, status, seconds: durationMs / 1000 })
    return answer
  }

  return new Elysia({ name: 'requests' })
    .wrap((handle) => (request: Request) => {
      nameHost(request)
      const info = new RequestInfo(request, findPeer)
      known.set(request, info)
      const answer: unknown = handle(request)
      return answer instanceof Promise
        ? answer.then((answer) => finish(request, info, answer))
        : finish(request, info, answer)
    })
    .mapResponse({ as: 'global' }, ({ request, responseValue, route, set }) => {
      const info = infoOf(request)
      info.route = route
      if (set.status !== 200 || !isData(responseValue) || hasAny(set.headers)) return
      info.isComplete = true
      return completeJson(responseValue, info.requestId)
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

/** The id that finds this request in the log. */
export const requestId = (request: Request): string => infoOf(request).requestId

/** The address that a request comes from; `null` when it comes over no network. */
export const addressOf = (request: Request): string | null => infoOf(request).ip

/** The headers of a handshake that succeeds, whose answer never passes here. */
export function handshakeHeaders(request: Request): Record<string, string> {
  const { peer, requestId } = infoOf(request)
  return { ...standardHeaders(requestId), ...(peer.isTls && { 'strict-transport-security': hsts }) }
}

/** Where a request comes from. It is read when it is asked for: most requests need none of it. */
export const originOf = (request: Request): Origin => infoOf(request)

/** The actor of an open route. Guarded ones have `actor` in their context. */
export const asRequest = (request: Request): AnonymousActor => ({
  kind: 'anonymous',
  origin: originOf(request),
})

/** Lets the access log name the user of a request. */
export function noteUser(request: Request, userId: string) {
  infoOf(request).userId = userId
}

// Keyed by the request, so that nothing outlives it and no handler can forge it.
const known = new WeakMap<Request, RequestInfo>()

function infoOf(request: Request): RequestInfo {
  const info = known.get(request)
  if (!info) throw new Error('every request is known from its start')
  return info
}
