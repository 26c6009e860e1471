import { Elysia, ValidationError } from 'elysia'
import { type ErrorCode, type Failure, type FieldError, fail, failureIn } from '../core/errors'
import type { EventBus } from '../core/event-bus'
import type { Log } from '../core/log'
import { withoutSlash } from './allowed-methods'
import { bodyFailureOf } from './body'
import { catalogue, type Entry } from './error-catalogue'
import { limitHeaders } from './rate-limit-headers'
import { requestId } from './request-context'
import type { RouteRegistry } from './route-options'
import type { Problem } from './schemas'
import { presentOAuth } from './token-endpoint'

type Options = {
  log: Log
  bus: EventBus
  routes: RouteRegistry
  /** The methods that the path of a request takes, for 405. */
  methodsFor(path: string): string[]
}

/** Answers every error as `application/problem+json` (RFC 9457), a token endpoint as RFC 6749 wants it. */
export const problems = ({ log, bus, routes, methodsFor }: Options) =>
  new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ error, code, request, path, set }) => {
    const failure = code === 'NOT_FOUND' ? noSuchRoute(methodsFor(path)) : toFailure(error, request)
    const id = requestId(request)
    if (failure.code === 'internal') log.error({ requestId: id, err: failure.cause }, 'http.internal_error')
    if (failure.code === 'database_unavailable')
      log.warn({ requestId: id, err: failure.cause }, 'database.unavailable')
    bus.emit({ type: 'request.failed', code: failure.code, policy: failure.refusal?.policy ?? null })
    const { isTokenEndpoint } = routes.find(request.method, withoutSlash(path))
    const answer = isTokenEndpoint ? oauthAnswer(failure) : problemAnswer(failure, id)
    set.status = answer.status
    return answer
  })

function problemAnswer(failure: Failure, id: string): Response {
  const { status } = catalogue[failure.code]
  const headers = headersOf(failure)
  headers.set('content-type', 'application/problem+json')
  if (status === 401) headers.set('www-authenticate', challenge(failure.code))
  return new Response(JSON.stringify(present(failure, id)), { status, headers })
}

function oauthAnswer(failure: Failure): Response {
  const { status, body } = presentOAuth(failure)
  const headers = headersOf(failure)
  headers.set('content-type', 'application/json')
  headers.set('pragma', 'no-cache')
  return new Response(JSON.stringify(body), { status, headers })
}

function noSuchRoute(allow: string[]): Failure {
  return allow.length > 0 ? fail('method_not_allowed', { allow }) : fail('not_found')
}

function toFailure(error: unknown, request: Request): Failure {
  if (error instanceof ValidationError) return invalid(error, request)
  return failureIn(error) ?? fail('internal', { cause: error })
}

/** A response that breaks its own schema is our fault; a body that could not be read has its own reason. */
function invalid(error: ValidationError, request: Request): Failure {
  if (error.type === 'response') return fail('internal', { cause: new Error('response breaks its schema') })
  const unread = error.type === 'body' ? bodyFailureOf(request) : null
  return unread ?? fail('validation_failed', { errors: fieldErrors(error) })
}

// Enough to mend a form; a hostile body could name thousands.
const maxErrors = 20
const maxPointer = 100

/** Of each field the first thing wrong. `error.message` is not looked at: it quotes the rejected value. */
function fieldErrors(error: ValidationError): FieldError[] {
  const byPointer = new Map<string, FieldError>()
  for (const { path = '', message = 'is not valid' } of error.all.filter((item) => 'path' in item)) {
    const pointer = path.slice(0, maxPointer)
    if (byPointer.size < maxErrors && !byPointer.has(pointer))
      byPointer.set(pointer, { pointer, message: readable(message) })
  }
  return [...byPointer.values()]
}

/** A regular expression tells a person nothing. */
const readable = (message: string) =>
  message.startsWith('Expected string to match') ? 'Expected another form' : message

function present({ code, errors }: Failure, id: string): Problem {
  const { status, title } = catalogue[code]
  return {
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    request_id: id,
    ...(errors.length > 0 && { errors }),
  }
}

function headersOf({ code, allow, refusal }: Failure): Headers {
  const { retryAfterSeconds = refusal?.retryAfterSeconds }: Entry = catalogue[code]
  const headers = new Headers({ 'cache-control': 'no-store' })
  // RFC 9110 §15.5.22, and RFC 6455 §4.4 for the version.
  if (code === 'upgrade_required') {
    headers.set('upgrade', 'websocket')
    headers.set('sec-websocket-version', '13')
  }
  if (retryAfterSeconds) headers.set('retry-after', String(retryAfterSeconds))
  if (refusal) {
    const standing = { policy: refusal.policy, remaining: 0, resetSeconds: refusal.retryAfterSeconds }
    for (const [name, value] of Object.entries(limitHeaders(standing))) headers.set(name, value)
  }
  if (allow.length > 0) headers.set('allow', allow.join(', '))
  return headers
}

/** RFC 6750 §3.1: the error is named only to those who sent a token. */
const challenge = (code: ErrorCode) => (code === 'invalid_token' ? 'Bearer error="invalid_token"' : 'Bearer')
