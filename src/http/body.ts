import { Elysia } from 'elysia'
import { type Failure, fail, failureIn } from '../core/errors'
import { assertPostgresText } from '../core/postgres-text'
import { parseForm } from './form-body'
import type { RouteRegistry } from './route-options'

export const maxBodyBytes = 64 * 1024

// Fails every schema. The reason is told after authentication had its say: see `problems`.
const unreadable = Symbol('unreadable body')
const reasons = new WeakMap<Request, Failure>()

/** Why the body of a request could not be read, or `null`. */
export const bodyFailureOf = (request: Request): Failure | null => reasons.get(request) ?? null

/**
 * Reads JSON bodies, and forms where a token endpoint is: media type, size, UTF-8, syntax and text that PostgreSQL can
 * hold. No body reads as `{}`.
 */
export const bodies = (routes: RouteRegistry) =>
  new Elysia({ name: 'bodies' }).onParse({ as: 'global' }, async ({ request, route }) => {
    const { isTokenEndpoint } = routes.find(request.method, route)
    try {
      return await read(request, isTokenEndpoint ? form : json)
    } catch (error) {
      reasons.set(request, failureIn(error) ?? fail('malformed_body', { cause: error }))
      return unreadable
    }
  })

/** The JSON of a body, `{}` for none. Throws `malformed_body` or what else is wrong with it, or a SyntaxError. */
export const readJson = (request: Request): Promise<unknown> => read(request, json)

type Format = { contentType: RegExp; parse(text: string): unknown }

const json: Format = {
  contentType: /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i,
  parse: JSON.parse,
}
const form: Format = {
  contentType: /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i,
  parse: parseForm,
}

async function read(request: Request, { contentType, parse }: Format): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return {}
  if (!contentType.test(request.headers.get('content-type') ?? '') || request.headers.has('content-encoding'))
    throw fail('unsupported_media_type')
  const body = parse(decode(bytes))
  assertPostgresText(body)
  return body
}

/** A declared length is believed only to refuse; what arrives is counted. */
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
