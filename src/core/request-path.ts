/**
 * The path of a request as it was sent. Not by `URL`: Bun lets a `Host` pass that is no part of any address, such as `[`.
 */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = url.indexOf('?', start)
  return end < 0 ? url.slice(start) : url.slice(start, end)
}

/**
 * Without a `Host`, as HTTP/1.0 allows, Bun gives the bare path for a URL. Everyone who reads one looks for the path
 * behind a host, and not all would find the same.
 */
export function nameHost(request: Request) {
  const { url } = request
  if (url.startsWith('/')) Object.defineProperty(request, 'url', { value: `http://localhost${url}` })
}
