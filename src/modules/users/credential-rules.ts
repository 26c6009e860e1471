import { normaliseEmail } from '../../core/email'
import { fail } from '../../core/errors'
import { passwordProblem } from '../../core/password'
import { isPostgresText } from '../../core/postgres-text'
import type { Deps } from '../../deps'

/** An address as given and as compared. */
export type Address = { email: string; emailNormalised: string }

/** The two forms of an address. Throws `validation_failed`. */
export function addressOf(given: string): Address {
  const emailNormalised = normaliseEmail(given)
  if (emailNormalised) return { email: given.trim(), emailNormalised }
  const message =
    'must be an ASCII e-mail address of at most 254 characters (an international domain in its xn-- form)'
  throw fail('validation_failed', { errors: [{ pointer: '/email', message }] })
}

type Candidate = { password: string; emailNormalised: string; pointer: string }

/** Hashes a password that may be chosen. Throws `weak_password`, `overloaded`, `validation_failed` for what is no text. */
export function hashNew(
  { config, passwords }: Deps,
  { password, emailNormalised, pointer }: Candidate,
): Promise<string> {
  const message = passwordProblem(password, emailNormalised, config.passwordMinLength)
  const code = isPostgresText(password) ? 'weak_password' : 'validation_failed'
  if (message) throw fail(code, { errors: [{ pointer, message }] })
  return passwords.hash(password)
}
