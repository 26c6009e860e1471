import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import type { Lifecycle } from '../core/lifecycle'
import type { Log } from '../core/log'
import type { FieldsOf } from '../core/log-events'
import { nameHost } from '../core/request-path'
import type { OnResponse } from '../core/response-info'
import type { Acting, Caller, Deps } from '../deps'
import { addressReader, type Peer } from './client-address'
import { complete, completeJson, standardHeaders } from './security-headers'

/** What is known of a request beside what it says: for logs, limits and the list of sessions. */
type RequestInfo = {
  id: string
  startedAt: number
  /** Asks the system, so it is asked only when somebody wants to know. */
  findPeer: (request: Request) => Peer
  peer: Peer | null
  userId: string | null
  /** The pattern of its route, once it has one. */
  route: string | null
  /** Whether the answer has its headers already. */
  isComplete: boolean
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

  function addHeaders(request: Request, info: RequestInfo, answer: Response) {
    if (!info.isComplete) complete(answer, info.id)
    // What the client asks next goes to another instance.
    if (lifecycle.isDraining) answer.headers.set('connection', 'close')
    if (mayBeTls && peerOf(request, info).isTls) answer.headers.set('strict-transport-security', hsts)
  }

  function finish(request: Request, info: RequestInfo, answer: unknown): unknown {
    if (answer instanceof Response) addHeaders(request, info, answer)
    // A handshake that succeeded has no answer of ours.
    const status = answer instanceof Response ? answer.status : 101
    const { id, startedAt, route, userId } = info
    const { method } = request
    const durationMs = Math.round((performance.now() - startedAt) * 100) / 100
    const isProbe = status === 200 && route !== null && probes.includes(route)
    const fields: FieldsOf<'http.request'> = { requestId: id, method, route, status, durationMs, userId }
    if (isProbe) log.debug(fields, 'http.request')
    else log.info(fields, 'http.request')
    for (const tell of onResponse) tell({ request, method, route, status, seconds: durationMs / 1000 })
    return answer
  }

  return new Elysia({ name: 'requests' })
    .wrap((handle) => (request: Request) => {
      nameHost(request)
      const info = begin(request, findPeer)
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
      return completeJson(responseValue, info.id)
    })
    .onError({ as: 'global' }, ({ request, route }) => {
      infoOf(request).route = route || null
    })
}

function begin(request: Request, findPeer: RequestInfo['findPeer']): RequestInfo {
  const given = request.headers.get('x-request-id')
  const id = given && acceptableId.test(given) ? given : Bun.randomUUIDv7()
  const startedAt = performance.now()
  // What changes something may be put on record, and by then a client that hung up would have no address.
  const peer = request.method === 'GET' ? null : findPeer(request)
  return { id, startedAt, findPeer, peer, userId: null, route: null, isComplete: false }
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

/** The headers of a handshake that succeeds, whose answer never passes here. */
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

// Keyed by the request, so that nothing outlives it and no handler can forge it.
const known = new WeakMap<Request, RequestInfo>()

function infoOf(request: Request): RequestInfo {
  const info = known.get(request)
  if (!info) throw new Error('every request is known from its start')
  return info
}
