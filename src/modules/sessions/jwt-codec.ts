import { jwt } from '@elysiajs/jwt'
import { decodeProtectedHeader, type JWTPayload } from 'jose'
import { deriveKey, uuidPattern } from '../../core/crypto'
import type { MaybePromise } from '../../core/maybe-promise'

/** The claims that differ between tokens. `exp` is in seconds since the epoch (RFC 7519 §4.1.4). */
type Claims = { sub: string; sid: string; jti: string; exp: number }

/** The claims of a verified token, and the id of the key that signed it. */
export type VerifiedToken = Claims & { kid: string }

/** Signs and verifies one kind of token. A token of another kind is never accepted (RFC 8725 §3.12). */
export type JwtCodec = {
  /** The ids of the keys, in the order of the secrets. */
  kids: string[]
  sign(claims: Claims): Promise<string>
  /** Returns `null` unless the text is a token of this kind that is valid at `now`. Never throws, needs no database. */
  verify(token: string, now: Date): MaybePromise<VerifiedToken | null>
}

type CodecOptions = {
  secrets: string[]
  purpose: string
  typ: string
  type: string
  issuer: string
  audience: string
}

// The service chooses the algorithm, not the token (RFC 8725 §3.1).
const algorithm = 'HS256'
const clockToleranceSeconds = 5
const requiredClaims = ['exp', 'iat', 'sub', 'sid', 'jti']

/** Creates the codec of one kind of token, with a key for each secret. The first key signs; all of them verify. */
export async function createJwtCodec({
  secrets,
  purpose,
  typ,
  type,
  issuer,
  audience,
}: CodecOptions): Promise<JwtCodec> {
  const signers = await Promise.all(secrets.map((secret) => createSigner(secret, purpose, typ)))
  const byKid = new Map(signers.map((signer) => [signer.kid, signer.jwt]))
  const [current] = signers
  if (!current) throw new Error('no signing key')
  // See docs/workarounds.md#jwt-verify-defaults.
  const expected = {
    algorithms: [algorithm],
    issuer,
    audience,
    typ,
    requiredClaims,
    clockTolerance: clockToleranceSeconds,
  }
  return {
    kids: signers.map(({ kid }) => kid),
    sign: (claims) => current.jwt.sign({ iss: issuer, aud: audience, type, ...claims }),
    async verify(token, now) {
      const kid = kidOf(token)
      if (kid === null) return null
      const signer = byKid.get(kid)
      if (!signer) return null
      const payload = await signer.verify(token, { ...expected, currentDate: now })
      return payload && payload['type'] === type ? claimsOf(payload, kid) : null
    },
  }
}

/** The id is a hash, so that it reveals nothing about the key. */
const kidFor = (key: Uint8Array) =>
  new Bun.CryptoHasher('sha256').update(key).digest('base64url').slice(0, 16)

/** See docs/workarounds.md#jwt-outside-request. */
async function createSigner(secret: string, purpose: string, typ: string) {
  const key = await deriveKey(secret, purpose)
  const kid = kidFor(key)
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ])
  return { kid, jwt: jwt({ secret: imported, alg: algorithm, kid, typ }).decorator.jwt }
}

// Gives each token one spelling; the signature is 32 bytes. See docs/workarounds.md#jose-lenient-base64.
const compactPattern = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/

function kidOf(token: string): string | null {
  if (!compactPattern.test(token)) return null
  try {
    return decodeProtectedHeader(token).kid ?? null
  } catch {
    return null
  }
}

function claimsOf({ sub, jti, exp, ...others }: JWTPayload, kid: string): VerifiedToken | null {
  const sid = others['sid']
  if (typeof sid !== 'string' || typeof sub !== 'string' || typeof jti !== 'string' || exp === undefined)
    return null
  // An id that is not a UUID would cause a cast error in PostgreSQL.
  return uuidPattern.test(sid) && uuidPattern.test(sub) ? { sub, sid, jti, exp, kid } : null
}
