import { randomInt } from 'node:crypto'

const encoder = new TextEncoder()

/** Random text of `bytes` bytes from the system generator, base64url. */
export const randomText = (bytes: number) =>
  crypto.getRandomValues(new Uint8Array(bytes)).toBase64({ alphabet: 'base64url', omitPadding: true })

/** A random number in (0, 1] from the system generator. */
export const randomShare = () => randomInt(1, 2 ** 32) / 2 ** 32

/** A UUID as PostgreSQL writes it. TypeBox's `uuid` format would also accept `urn:uuid:…`. */
export const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A UUIDv7 (RFC 9562 §5.7) that sorts by `at`. */
export const newId = (at: Date) => Bun.randomUUIDv7('hex', at)

/** SHA-256 of UTF-8 text. */
export const sha256 = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest()

/** HMAC-SHA-256 of UTF-8 text, base64url without padding. */
export const hmac = (key: Uint8Array, text: string) =>
  new Bun.CryptoHasher('sha256', key).update(text).digest('base64url')

/** HKDF-SHA-256 (RFC 5869) without a salt: 32 bytes that are bound to one purpose. */
export async function deriveKey(secret: string, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveBits'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(purpose) }
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, 256))
}
