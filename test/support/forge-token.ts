import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { testSecret } from './service'

/** The keys of contract §5, derived without our code, as another service that verifies tokens would do. */
export const keyFor = (purpose: 'access' | 'refresh', secret = testSecret) =>
  Buffer.from(hkdfSync('sha256', secret, '', `fastkit ${purpose}`, 32))

export const kidOf = (key: Buffer) => createHash('sha256').update(key).digest('base64url').slice(0, 16)

export type Parts = { header: Record<string, unknown>; claims: Record<string, unknown> }
type Signing = { key?: Buffer; hash?: 'sha256' | 'sha384' | 'sha512' }

/** Signs any header and claims, valid or not. */
export function forge({ header, claims }: Parts, { key = keyFor('access'), hash = 'sha256' }: Signing = {}) {
  const input = [header, claims].map(encode).join('.')
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`
}

/** The header and claims of a token, to change and sign again. */
export function partsOf(token: string): Parts {
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), claims: JSON.parse(claims ?? '') }
}

export const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
