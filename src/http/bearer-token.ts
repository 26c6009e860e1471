const scheme = 'bearer '

/**
 * The token of an `Authorization: Bearer` header (RFC 6750 §2.1; the scheme is case-insensitive), or `null`. Two headers
 * are joined to one value, which cannot be a valid token.
 */
export function bearerToken(request: Request): string | null {
  const credentials = request.headers.get('authorization')?.trim() ?? ''
  if (credentials.slice(0, scheme.length).toLowerCase() !== scheme) return null
  return credentials.slice(scheme.length).trimStart()
}
