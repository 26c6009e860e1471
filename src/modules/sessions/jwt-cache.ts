import { LRUCache } from 'lru-cache'
import type { JwtCodec, VerifiedToken } from './jwt-codec'

const maxEntries = 10_000
const sweepMilliseconds = 1000

/**
 * Remembers which access tokens had a good signature, none longer than it lives. Whether its session still lives is for
 * `liveness` to say.
 */
export function withJwtCache(codec: JwtCodec): JwtCodec {
  const known = new LRUCache<string, VerifiedToken>({ max: maxEntries })
  let isSwept = false

  async function verifyAnew(token: string, now: Date) {
    const verified = await codec.verify(token, now)
    if (!verified) known.delete(token)
    else known.set(token, verified)
    if (!isSwept) sweepLater()
    return verified
  }

  /** By the clock of the machine, which only decides how long a token lies here and never whether it counts. */
  function sweep() {
    for (const [token, { exp }] of known.entries()) if (exp * 1000 <= Date.now()) known.delete(token)
    if (known.size > 0) sweepLater()
    else isSwept = false
  }

  function sweepLater() {
    isSwept = true
    setTimeout(sweep, sweepMilliseconds).unref()
  }

  return {
    ...codec,
    verify(token, now) {
      const remembered = known.get(token)
      return remembered && remembered.exp * 1000 > now.getTime() ? remembered : verifyAnew(token, now)
    },
  }
}
