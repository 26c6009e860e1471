import type { Refusal } from './rate-limiter/policies'

/** Every error code that a client can receive. `http/error-catalogue.ts` holds status and wording. */
export const errorCodes = [
  'malformed_body',
  'unauthenticated',
  'invalid_token',
  'invalid_credentials',
  'invalid_refresh_token',
  'refresh_token_reused',
  'forbidden',
  'wrong_password',
  'not_found',
  'method_not_allowed',
  'email_taken',
  'last_admin',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
  'weak_password',
  'upgrade_required',
  'rate_limited',
  'internal',
  'overloaded',
  'database_unavailable',
  'shutting_down',
] as const
export type ErrorCode = (typeof errorCodes)[number]

/** One problem of one field: a JSON pointer (RFC 6901) and a sentence that never repeats the value. */
export type FieldError = { pointer: string; message: string }

/** The error codes of a token endpoint: RFC 6749 §5.2, and §4.1.2.1 where §5.2 has none. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'temporarily_unavailable'
  | 'server_error'

type FailureOptions = {
  cause?: unknown
  /** A hint for people: how the client can mend the request. */
  detail?: string | undefined
  errors?: FieldError[]
  allow?: string[]
  refusal?: Refusal
  /** The code at a token endpoint, where `code` alone does not determine it. */
  oauth?: OAuthError
}

/** An error with a code from the catalogue: the only kind that is sent to clients. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: ErrorCode
  readonly detail: string | null
  readonly errors: FieldError[]
  readonly allow: string[]
  readonly refusal: Refusal | null
  readonly oauth: OAuthError | null

  constructor(
    code: ErrorCode,
    { cause, detail, errors = [], allow = [], refusal, oauth }: FailureOptions = {},
  ) {
    super(code, { cause })
    this.code = code
    this.detail = detail ?? null
    this.errors = errors
    this.allow = allow
    this.refusal = refusal ?? null
    this.oauth = oauth ?? null
  }
}

/** Creates a Failure: `throw fail('email_taken', { cause })`. */
export const fail = (code: ErrorCode, options?: FailureOptions) => new Failure(code, options)

/** Finds a Failure in the chain of causes, because libraries wrap what we throw. */
export function failureIn(error: unknown): Failure | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof Failure) return at
  }
  return null
}
