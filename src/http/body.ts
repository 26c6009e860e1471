import { Elysia } from 'elysia'
import { type Failure, fail, failureIn } from '../core/errors'
import { assertStorable } from '../core/storable'

export const maxBodyBytes = 64 * 1024

// Fails every schema. The reason is told after authentication had its say: see `problems`.
const unreadable = Symbol('unreadable body')
const reasons = new WeakMap<Request, Failure>()

/** Why the body of a request could not be read, or `null`. */
export const bodyFailureOf = (request: Request): Failure | null => reasons.get(request) ?? null

/** Reads JSON bodies: media type, size, UTF-8, syntax and text that PostgreSQL can hold. No body reads as `{}`. */
export const bodies = () =>
  new Elysia({ name: 'bodies' }).onParse({ as: 'global' }, async ({ request }) => {
    try {
      return await readJson(request)
    } catch (error) {
      reasons.set(request, failureIn(error) ?? fail('malformed_body', { cause: error }))
      return unreadable
    }
  })

async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return {}
  if (!isJson(request.headers.get('content-type')) || request.headers.has('content-encoding'))
    throw fail('unsupported_media_type')
  const body: unknown = JSON.parse(decode(bytes))
  assertStorable(body)
  return body
}

const isJson = (contentType: string | null) =>
  /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? '')

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
