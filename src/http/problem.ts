import { Elysia, ValidationError } from 'elysia'
import { type ErrorCode, type Failure, type FieldError, fail, failureIn } from '../core/errors'
import type { EventBus } from '../core/event-bus'
import type { Log } from '../core/log'
import { withoutTrailingSlash } from './allowed-methods'
import { bodyFailureOf } from './body'
import { catalogue, type Entry } from './error-catalogue'
import { rateLimitHeaders } from './rate-limit-headers'
import { requestId } from './request-context'
import type { RouteRegistry } from './route-options'
import type { Problem } from './schemas'
import { presentTokenError } from './token-endpoint'

type Options = {
  log: Log
  events: EventBus
  routes: RouteRegistry
  /** The methods that a path takes, for 405. */
  allowedMethods(path: string): string[]
}

/**
 * Turns every error into `application/problem+json` (RFC 9457), or into an error of RFC 6749 at a token endpoint. See
 * docs/workarounds.md#elysia-error-values.
 */
export const errorHandler = ({ log, events, routes, allowedMethods }: Options) =>
  new Elysia({ name: 'error-handler' }).onError({ as: 'global' }, ({ error, code, request, path, set }) => {
    const failure = code === 'NOT_FOUND' ? noSuchRoute(allowedMethods(path)) : toFailure(error, request)
    const id = requestId(request)
    if (failure.code === 'internal') log.error({ requestId: id, err: failure.cause }, 'http.internal_error')
    if (failure.code === 'database_unavailable')
      log.warn({ requestId: id, err: failure.cause }, 'database.unavailable')
    events.emit({ type: 'request.failed', code: failure.code, policy: failure.refusal?.policy ?? null })
    const { isTokenEndpoint } = routes.find(request.method, withoutTrailingSlash(path))
    const response = isTokenEndpoint ? tokenErrorResponse(failure) : problemResponse(failure, id)
    set.status = response.status
    return response
  })

function problemResponse(failure: Failure, id: string): Response {
  const { status } = catalogue[failure.code]
  const headers = headersOf(failure)
  headers.set('content-type', 'application/problem+json')
  if (status === 401) headers.set('www-authenticate', challenge(failure.code))
  return new Response(JSON.stringify(present(failure, id)), { status, headers })
}

function tokenErrorResponse(failure: Failure): Response {
  const { status, body } = presentTokenError(failure)
  const headers = headersOf(failure)
  headers.set('content-type', 'application/json')
  headers.set('pragma', 'no-cache')
  return new Response(JSON.stringify(body), { status, headers })
}

function noSuchRoute(allow: string[]): Failure {
  return allow.length > 0 ? fail('method_not_allowed', { allow }) : fail('not_found')
}

function toFailure(error: unknown, request: Request): Failure {
  if (error instanceof ValidationError) return validationFailure(error, request)
  return failureIn(error) ?? fail('internal', { cause: error })
}

/** A response that breaks its own schema is a fault of the service. See docs/workarounds.md#elysia-response-422. */
function validationFailure(error: ValidationError, request: Request): Failure {
  if (error.type === 'response') return fail('internal', { cause: new Error('response breaks its schema') })
  const bodyFailure = error.type === 'body' ? bodyFailureOf(request) : null
  return bodyFailure ?? fail('validation_failed', { errors: fieldErrors(error) })
}

// A hostile body could have thousands of errors, and field names of any length.
const maxErrors = 20
const maxPointerLength = 100

/** The first error of each field. `error.message` is not read, because it quotes the rejected value. */
function fieldErrors(error: ValidationError): FieldError[] {
  const byPointer = new Map<string, FieldError>()
  for (const { path = '', message = 'is not valid' } of error.all.filter((item) => 'path' in item)) {
    const pointer = path.slice(0, maxPointerLength)
    if (byPointer.size < maxErrors && !byPointer.has(pointer))
      byPointer.set(pointer, { pointer, message: readable(message) })
  }
  return [...byPointer.values()]
}

/** Replaces the text of a regular expression, which does not help people. */
const readable = (message: string) =>
  message.startsWith('Expected string to match') ? 'Expected another form' : message

function present({ code, detail, errors }: Failure, id: string): Problem {
  const { status, title } = catalogue[code]
  return {
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    request_id: id,
    ...(detail !== null && { detail }),
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
    const state = { policy: refusal.policy, remaining: 0, resetSeconds: refusal.retryAfterSeconds }
    for (const [name, value] of Object.entries(rateLimitHeaders(state))) headers.set(name, value)
  }
  if (allow.length > 0) headers.set('allow', allow.join(', '))
  return headers
}

/** RFC 6750 §3.1: a request without a token gets no error code. */
const challenge = (code: ErrorCode) => (code === 'invalid_token' ? 'Bearer error="invalid_token"' : 'Bearer')
