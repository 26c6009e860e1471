import { describe, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import fc from 'fast-check'
import { bodyFailureOf, bodyParser } from '../../src/http/body'
import { createRouteRegistry } from '../../src/http/route-options'
import { assertAsyncProperty } from '../support/random'

const app = new Elysia()
  .use(bodyParser(createRouteRegistry(() => [])))
  .post('/', ({ body, request }) => Response.json({ body, code: bodyFailureOf(request)?.code ?? null }))

async function read(body: string | Uint8Array<ArrayBuffer>, type = 'application/json') {
  const request = new Request('http://localhost/', {
    method: 'POST',
    body,
    headers: { 'content-type': type },
  })
  const text = await (await app.handle(request)).text()
  const { body: value, code }: { body?: unknown; code: string | null } = JSON.parse(text)
  return { value, code }
}

/** JSON values within the depth limit of the reader, with text that PostgreSQL can store. */
const { value: acceptable } = fc.letrec((tie) => {
  const text = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
  const leaf = fc.oneof(text, fc.boolean(), fc.constant(null), fc.integer())
  return {
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  }
})

describe('body reader', () => {
  test('returns the value that was sent, with any escapes', async () => {
    const escaped = (json: string) =>
      json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    await assertAsyncProperty(
      fc.asyncProperty(acceptable, async (value) => {
        const json = JSON.stringify(value)
        const expected = { value: JSON.parse(json), code: null }
        expect(await read(json)).toEqual(expected)
        expect(await read(escaped(json))).toEqual(expected)
      }),
    )
  })

  test('refuses NUL and lone surrogates at any place', async () => {
    const unit = fc.constantFrom('\0', '\ud800', '\udc00', '\udc00\ud800')
    const invalidText = fc.tuple(fc.string(), unit).map((parts) => parts.join(''))
    await assertAsyncProperty(
      fc.asyncProperty(invalidText, fc.nat(20), fc.boolean(), async (invalid, depth, isKey) => {
        let value: unknown = isKey ? { [invalid]: 1 } : invalid
        for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value }
        expect((await read(JSON.stringify(value))).code).toBe('validation_failed')
      }),
    )
  })

  test('returns a value or an error code for any bytes, and never throws', async () => {
    const codes = [null, 'malformed_body', 'validation_failed']
    await assertAsyncProperty(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        expect(codes).toContain((await read(Buffer.from(bytes))).code)
      }),
    )
  })

  test('refuses every media type but JSON', async () => {
    await assertAsyncProperty(
      fc.asyncProperty(
        fc.stringMatching(/^[a-z]{1,12}\/[a-z.+-]{1,16}(; ?[a-z]+=[a-z0-9-]+)?$/),
        async (type) => {
          fc.pre(!/^application\/json(; ?charset=utf-8)?$/.test(type))
          expect((await read('{}', type)).code).toBe('unsupported_media_type')
        },
      ),
    )
  })
})
