import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

type Bytes = Uint8Array<ArrayBuffer>
type Content = { plain: Blob; gzipped: Blob | null; etag: string }
export type StaticFile = { type: string; load: () => Promise<Content> }

/** A file that never changes while the process runs. It is read, compressed and hashed at the first request. */
export function staticFile(type: string, read: () => Promise<Bytes | string> | string): StaticFile {
  let content: Promise<Content> | null = null
  const prepare = async (): Promise<Content> => {
    const given = await read()
    const bytes = typeof given === 'string' ? new TextEncoder().encode(given) : given
    const gzipped = type.startsWith('image/') ? null : new Blob([await promisify(gzip)(bytes)])
    // Responses share a Blob and copy bytes: many slow clients would fill the memory. See
    // docs/workarounds.md#bun-response-bytes.
    return { plain: new Blob([bytes]), gzipped, etag: `W/"${Bun.hash(bytes).toString(36)}"` }
  }
  return { type, load: () => (content ??= prepare()) }
}

/** Responds with the file, or 304. Clients revalidate at every use, so that a new version shows at once. */
export async function sendFile(
  request: Request,
  { type, load }: StaticFile,
  headers: Record<string, string> = {},
) {
  const { plain, gzipped, etag } = await load()
  const always = { ...headers, etag, 'cache-control': 'no-cache', vary: 'Accept-Encoding' }
  if (request.headers.get('if-none-match')?.includes(etag)) {
    return new Response(null, { status: 304, headers: always })
  }
  const body = takesGzip(request) ? gzipped : null
  return new Response(body ?? plain, {
    headers: { ...always, 'content-type': type, ...(body && { 'content-encoding': 'gzip' }) },
  })
}

/** RFC 9110 §12.5.3: a weight of zero means "not acceptable". */
const takesGzip = (request: Request) =>
  /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/i.test(request.headers.get('accept-encoding') ?? '')
