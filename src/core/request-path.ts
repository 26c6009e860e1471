/**
 * The path of a request as it was sent. `URL` cannot parse it: Bun accepts an invalid `Host` such as `[`.
 */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

/**
 * Gives a request without `Host` (HTTP/1.0) an absolute URL. Bun leaves the bare path there, and code that looks for the
 * path behind a host would misread it.
 */
export function nameHost(request: Request) {
  const { url } = request
  if (url.startsWith('/')) Object.defineProperty(request, 'url', { value: `http://localhost${url}` })
}
