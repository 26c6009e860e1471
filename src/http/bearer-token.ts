const scheme = 'bearer '

/**
 * What an `Authorization: Bearer` header holds (RFC 6750 §2.1; the scheme is case-insensitive), or `null`. Two tokens,
 * which two headers amount to, come back as one that cannot be valid.
 */
export function bearerToken(request: Request): string | null {
  const credentials = request.headers.get('authorization')?.trim() ?? ''
  if (credentials.slice(0, scheme.length).toLowerCase() !== scheme) return null
  return credentials.slice(scheme.length).trimStart()
}
