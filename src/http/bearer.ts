/**
 * What an `Authorization: Bearer` header holds (RFC 6750 §2.1; the scheme is case-insensitive), or `null`. Two tokens,
 * which two headers amount to, come back as one that cannot be valid.
 */
export const bearerToken = (request: Request): string | null =>
  afterScheme(request.headers.get('authorization')?.trim() ?? '')

function afterScheme(credentials: string): string | null {
  const [scheme] = /^bearer +/i.exec(credentials) ?? []
  return scheme ? credentials.slice(scheme.length) : null
}
