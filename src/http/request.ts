import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { OnAnswered } from '../core/answered'
import type { Config } from '../core/config'
import type { Log } from '../core/log'
import type { Caller } from '../deps'
import { addressReader, type Peer } from './address'

/** What is known of a request beside what it says: for logs, limits and the list of sessions. */
type RequestInfo = { id: string; startedAt: number; peer: Peer; userId: string | null }

type Options = Pick<Config, 'trustedProxies'> & {
  log: Log
  /** Whom else to tell what the access log tells; read at every answer. */
  onAnswered: readonly OnAnswered[]
  /** Asked of the service itself: a hook that names the server makes Elysia define it on every request. */
  server(): Server<unknown> | null
}

const acceptableId = /^[A-Za-z0-9._-]{1,128}$/
const longestUserAgent = 256

/** Request id, client address and the access log: one line a request, without query strings and tokens. */
export function requests({ trustedProxies, log, onAnswered, server }: Options) {
  const readPeer = addressReader(trustedProxies)
  return new Elysia({ name: 'requests' })
    .onRequest(({ request, set }) => {
      const given = request.headers.get('x-request-id')
      const id = given && acceptableId.test(given) ? given : Bun.randomUUIDv7()
      const peer = readPeer(server()?.requestIP(request)?.address ?? null, request.headers)
      known.set(request, { id, startedAt: performance.now(), peer, userId: null })
      set.headers['x-request-id'] = id
      if (peer.isTls) set.headers['strict-transport-security'] = 'max-age=31536000; includeSubDomains'
    })
    .onAfterResponse({ as: 'global' }, ({ request, route, set, responseValue }) => {
      const { id, startedAt, userId } = infoOf(request)
      const status = responseValue instanceof Response ? responseValue.status : set.status
      const durationMs = Math.round((performance.now() - startedAt) * 100) / 100
      log.info(
        { requestId: id, method: request.method, route: route || null, status, durationMs, userId },
        'http.request',
      )
      for (const tell of onAnswered)
        tell({
          request,
          method: request.method,
          route: route || null,
          status: Number(status),
          seconds: durationMs / 1000,
        })
    })
}

/** The id that finds this request in the log. */
export const requestId = (request: Request): string => infoOf(request).id

/** The address that a request comes from; `null` when it comes over no network. */
export const addressOf = (request: Request): string | null => infoOf(request).peer.ip

/** The same `deps`, knowing on whose behalf they work. */
export const onBehalf = <D extends { caller: Caller }>(deps: D, request: Request): D => ({
  ...deps,
  caller: callerOf(request),
})

/** Who sent a request, and from where; the user agent is cut to 256 characters. */
function callerOf(request: Request): Caller {
  const { id, peer, userId } = infoOf(request)
  const userAgent = request.headers.get('user-agent')?.slice(0, longestUserAgent) ?? null
  return { requestId: id, ip: peer.ip, userAgent, userId }
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
