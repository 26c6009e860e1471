import { jwt } from '@elysiajs/jwt'
import { decodeProtectedHeader, type JWTPayload } from 'jose'
import { deriveKey, uuidPattern } from '../../core/crypto'
import type { MaybePromise } from '../../core/maybe-promise'

/** Claims every token of ours carries beside the fixed ones. `exp` is in seconds since the epoch (RFC 7519 §4.1.4). */
type Claims = { sub: string; sid: string; jti: string; exp: number }

/** The claims of a token whose signature held, and the key that made it. */
export type VerifiedToken = Claims & { kid: string }

/** Signs and verifies one kind of token. Neither kind is ever accepted for the other (RFC 8725 §3.12). */
export type JwtCodec = {
  /** The id of the key derived from each secret, in their order. */
  kids: string[]
  sign(claims: Claims): Promise<string>
  /** `null` for anything that is not a token of this kind, valid at `now`. Never throws, never asks the database. */
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

// RFC 8725 §3.1: the algorithm is ours to name, not the token's.
const algorithm = 'HS256'
const clockToleranceSeconds = 5
const requiredClaims = ['exp', 'iat', 'sub', 'sid', 'jti']

/** One kind of token over one key per secret: the first signs, all verify. */
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

/** Identifies a derived key without telling anything of it. */
const kidFor = (key: Uint8Array) =>
  new Bun.CryptoHasher('sha256').update(key).digest('base64url').slice(0, 16)

async function createSigner(secret: string, purpose: string, typ: string) {
  const key = await deriveKey(secret, purpose)
  const kid = kidFor(key)
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ])
  return { kid, jwt: jwt({ secret: imported, alg: algorithm, kid, typ }).decorator.jwt }
}

// Decoders forgive padding, spaces and stray bits at the end; a token has one spelling (RFC 7515 §2), 32 bytes signed.
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
  // A claim that is no UUID would reach the database as a cast error.
  return uuidPattern.test(sid) && uuidPattern.test(sub) ? { sub, sid, jti, exp, kid } : null
}
