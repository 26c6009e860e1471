import type { Refusal } from './rate-limiter/policies'

/** Every code a client can meet. Status and wording belong to `http/problem.ts` alone. */
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

/** One thing wrong with one field: a JSON pointer (RFC 6901) and a sentence that never repeats the value. */
export type FieldError = { pointer: string; message: string }

/** What a token endpoint calls errors: RFC 6749 §5.2, and §4.1.2.1 where it has no name of its own. */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'temporarily_unavailable'
  | 'server_error'

type FailureOptions = {
  cause?: unknown
  errors?: FieldError[]
  allow?: string[]
  refusal?: Refusal
  /** For a token endpoint, where the code alone does not say it. */
  oauth?: OAuthError
}

/** A refusal with a code from the catalogue: the only error a client is told about. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: ErrorCode
  readonly errors: FieldError[]
  readonly allow: string[]
  readonly refusal: Refusal | null
  readonly oauth: OAuthError | null

  constructor(code: ErrorCode, { cause, errors = [], allow = [], refusal, oauth }: FailureOptions = {}) {
    super(code, { cause })
    this.code = code
    this.errors = errors
    this.allow = allow
    this.refusal = refusal ?? null
    this.oauth = oauth ?? null
  }
}

/** Makes the failure to throw: `throw fail('email_taken', { cause })`. */
export const fail = (code: ErrorCode, options?: FailureOptions) => new Failure(code, options)

/** Libraries wrap what we throw; the failure is looked for along the chain of causes. */
export function failureIn(error: unknown): Failure | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof Failure) return at
  }
  return null
}
