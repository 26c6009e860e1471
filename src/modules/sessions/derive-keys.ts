import { deriveKey, hmac } from '../../core/crypto'
import { createJwtCodec, type JwtCodec } from './jwt-codec'

export type Keys = {
  access: JwtCodec
  refresh: JwtCodec
  /** Returns the jti that follows `jti`. It is deterministic, so that a repeated refresh gets the same successor. */
  successorOf(token: { kid: string; jti: string }): string
}

export type KeyOptions = { secrets: string[]; issuer: string; audience: string }

/** Derives a key for each kind of token from each secret. The first secret signs; all of them verify. */
export async function deriveKeys({ secrets, issuer, audience }: KeyOptions): Promise<Keys> {
  const access = { purpose: 'fastkit access', typ: 'at+jwt', type: 'access', audience }
  const refresh = {
    purpose: 'fastkit refresh',
    typ: 'rt+jwt',
    type: 'refresh',
    audience: `${audience}:refresh`,
  }
  const refreshCodec = await createJwtCodec({ secrets, issuer, ...refresh })
  return {
    access: await createJwtCodec({ secrets, issuer, ...access }),
    refresh: refreshCodec,
    successorOf: await createSuccession(secrets, refreshCodec.kids),
  }
}

/** Uses the secret that signed the token, so that a new signing key does not change the successors of older tokens. */
async function createSuccession(secrets: string[], kids: string[]) {
  const keys = new Map(
    await Promise.all(
      secrets.map(async (secret, at) => [kids[at], await deriveKey(secret, 'fastkit succession')] as const),
    ),
  )
  return ({ kid, jti }: { kid: string; jti: string }) => {
    const key = keys.get(kid)
    if (!key) throw new Error('a verified token has a known key')
    return hmac(key, jti)
  }
}
