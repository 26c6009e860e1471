import { Elysia } from 'elysia'
import { type Failure, fail, failureIn } from '../core/errors'
import { assertPostgresText } from '../core/postgres-text'
import { parseForm } from './form-body'
import type { RouteRegistry } from './route-options'

export const maxBodyBytes = 64 * 1024

// Fails every schema. The client learns the reason only after the check of its token, which runs later than this.
// See docs/workarounds.md#elysia-hook-order.
const unreadable = Symbol('unreadable body')
const failures = new WeakMap<Request, Failure>()

/** Why the body of a request could not be read, or `null`. */
export const bodyFailureOf = (request: Request): Failure | null => failures.get(request) ?? null

/**
 * Reads JSON bodies, and forms at token endpoints. It checks media type, size, UTF-8, syntax, and that PostgreSQL can
 * store the text. A request without a body is read as `{}`. See docs/workarounds.md#elysia-body-parser.
 */
export const bodyParser = (routes: RouteRegistry) =>
  new Elysia({ name: 'body-parser' }).onParse({ as: 'global' }, async ({ request, route }) => {
    const { isTokenEndpoint } = routes.find(request.method, route)
    try {
      return await read(request, isTokenEndpoint ? form : json)
    } catch (error) {
      failures.set(request, failureIn(error) ?? fail('malformed_body', { cause: error }))
      return unreadable
    }
  })

/** The JSON of a body, `{}` without one. Throws a failure, or SyntaxError for invalid JSON. */
export const readJson = (request: Request): Promise<unknown> => read(request, json)

type MediaType = { contentType: RegExp; parse(text: string): unknown }

const json: MediaType = {
  contentType: /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i,
  parse: JSON.parse,
}
const form: MediaType = {
  contentType: /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i,
  parse: parseForm,
}

async function read(request: Request, { contentType, parse }: MediaType): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return {}
  if (!contentType.test(request.headers.get('content-type') ?? '') || request.headers.has('content-encoding'))
    throw fail('unsupported_media_type')
  const body = parse(decode(bytes))
  assertPostgresText(body)
  return body
}

/** Counts what arrives: a declared length is only trusted when it is too large. */
async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw fail('payload_too_large')
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size > maxBodyBytes) throw fail('payload_too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
