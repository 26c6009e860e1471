import { LRUCache } from 'lru-cache'
import type { TokenKind, Verified } from './token-kind'

const mostEntries = 10_000

/**
 * Remembers which access tokens had a good signature, by a digest: no token is kept. Whether its session still lives is
 * for `liveness` to say.
 */
export function remembering(kind: TokenKind): TokenKind {
  const known = new LRUCache<string, Verified>({ max: mostEntries })
  return {
    ...kind,
    async verify(token, now) {
      const digest = new Bun.CryptoHasher('sha256').update(token).digest('base64')
      const remembered = known.get(digest)
      if (remembered && remembered.exp * 1000 > now.getTime()) return remembered
      const verified = await kind.verify(token, now)
      if (verified) known.set(digest, verified)
      else known.delete(digest)
      return verified
    },
  }
}
