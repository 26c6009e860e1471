import { LRUCache } from 'lru-cache'
import type { TokenKind, Verified } from './token-kind'

const mostEntries = 10_000

/**
 * Remembers which access tokens had a good signature, by a digest: no token is kept. Whether its session still lives is
 * for `liveness` to say.
 */
export function remembering(kind: TokenKind): TokenKind {
  const known = new LRUCache<string, Verified>({ max: mostEntries })
  async function verifyAnew(token: string, now: Date, digest: string) {
    const verified = await kind.verify(token, now)
    if (verified) known.set(digest, verified)
    else known.delete(digest)
    return verified
  }
  return {
    ...kind,
    verify(token, now) {
      const digest = Bun.CryptoHasher.hash('sha256', token, 'base64')
      const remembered = known.get(digest)
      return remembered && remembered.exp * 1000 > now.getTime() ? remembered : verifyAnew(token, now, digest)
    },
  }
}
