import { LRUCache } from 'lru-cache'
import type { JwtCodec, VerifiedToken } from './jwt-codec'

const maxEntries = 10_000
const sweepMilliseconds = 1000

/**
 * Caches access tokens with a verified signature until they expire. A cached token says nothing about its session: see
 * `createLivenessCache`.
 */
export function withJwtCache(codec: JwtCodec): JwtCodec {
  const cache = new LRUCache<string, VerifiedToken>({ max: maxEntries })
  let isSweepScheduled = false

  async function verifyUncached(token: string, now: Date) {
    const verified = await codec.verify(token, now)
    if (!verified) cache.delete(token)
    else cache.set(token, verified)
    if (!isSweepScheduled) scheduleSweep()
    return verified
  }

  /** Frees memory by the clock of the machine. `verify` decides by the clock of the service whether a token has expired. */
  function sweep() {
    for (const [token, { exp }] of cache.entries()) if (exp * 1000 <= Date.now()) cache.delete(token)
    if (cache.size > 0) scheduleSweep()
    else isSweepScheduled = false
  }

  function scheduleSweep() {
    isSweepScheduled = true
    setTimeout(sweep, sweepMilliseconds).unref()
  }

  return {
    ...codec,
    verify(token, now) {
      const cached = cache.get(token)
      return cached && cached.exp * 1000 > now.getTime() ? cached : verifyUncached(token, now)
    },
  }
}
