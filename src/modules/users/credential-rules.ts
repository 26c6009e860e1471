import { normaliseEmail } from '../../core/email'
import { fail } from '../../core/errors'
import { passwordProblem } from '../../core/password'
import { isPostgresText } from '../../core/postgres-text'
import type { Deps } from '../../deps'

/** An e-mail address as it was entered, and as it is compared. */
export type EmailAddress = { email: string; emailNormalised: string }

/** Normalises an e-mail address. Throws `validation_failed`. */
export function parseEmail(input: string): EmailAddress {
  const emailNormalised = normaliseEmail(input)
  if (emailNormalised) return { email: input.trim(), emailNormalised }
  const message =
    'must be an ASCII e-mail address of at most 254 characters (an international domain in its xn-- form)'
  throw fail('validation_failed', { errors: [{ pointer: '/email', message }] })
}

type Candidate = { password: string; emailNormalised: string; pointer: string }

/** Checks and hashes a new password. Throws `weak_password`, `overloaded`, `validation_failed`. */
export function hashNewPassword(
  { config, passwords }: Deps,
  { password, emailNormalised, pointer }: Candidate,
): Promise<string> {
  const message = passwordProblem(password, emailNormalised, config.passwordMinLength)
  const code = isPostgresText(password) ? 'weak_password' : 'validation_failed'
  if (message) throw fail(code, { errors: [{ pointer, message }] })
  return passwords.hash(password)
}
