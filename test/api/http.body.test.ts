import { describe, expect, test } from 'bun:test'
import { sendRaw } from '../support/raw'
import { useService } from '../support/service'

const service = useService()

const limit = 64 * 1024
const credentials = '{"email":"nobody@example.com","password":"kq3vzw9x"}'
const padded = (length: number) => credentials.padEnd(length, ' ')

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream
async function login(body: Body, headers: Record<string, string> = { 'content-type': 'application/json' }) {
  const answer = await fetch(`${service.url}/api/v1/auth/login`, { method: 'POST', body, headers })
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  const { status, code, errors } = JSON.parse(await answer.text())
  expect(answer.status).toBe(status)
  return { status, code, errors }
}

// A body that was read meets a wrong password; anything else stopped earlier.
const wasRead = { status: 401, code: 'invalid_credentials' }

describe('media type of a body', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('%s is read', async (type) => {
    expect(await login(credentials, { 'content-type': type })).toMatchObject(wasRead)
  })

  test.each([
    'application/jsonx',
    'application/json5',
    'application/j',
    'application/json-patch+json',
    'application/problem+json',
    'application/json, text/plain',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-16',
    'application/json; x=y',
    'text/json',
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'json',
    '*/*',
  ])('%s is refused', async (type) => {
    expect(await login(credentials, { 'content-type': type })).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
  })

  test('none is refused', async () => {
    expect(await login(Buffer.from(credentials), {})).toMatchObject({ status: 415 })
  })

  test.each(['gzip', 'br', 'identity, gzip'])('content coding %s is refused', async (coding) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': coding }
    expect(await login(Bun.gzipSync(Buffer.from(credentials)), headers)).toMatchObject({ status: 415 })
  })
})

describe('size of a body', () => {
  const tooLarge = { status: 413, code: 'payload_too_large' }
  const chunked = (text: string) =>
    new Blob(text.match(/.{1,1000}/gs) ?? []).stream().pipeThrough(new TransformStream())

  test('64 KiB are read, declared or in chunks', async () => {
    expect(await login(padded(limit))).toMatchObject(wasRead)
    expect(await login(chunked(padded(limit)))).toMatchObject(wasRead)
  })

  test('one byte more is refused, declared or in chunks', async () => {
    expect(await login(padded(limit + 1))).toMatchObject(tooLarge)
    expect(await login(chunked(padded(limit + 1)))).toMatchObject(tooLarge)
  })

  test('bytes count, not characters', async () => {
    expect(await login(padded(limit - 2).replace(/ {2}$/, '🦜'))).toMatchObject({ status: 400 })
    expect(await login(padded(limit - 1).replace(/ $/, '🦜'))).toMatchObject(tooLarge)
  })

  test('a declared length is refused before the body comes', async () => {
    const head = ['POST /api/v1/auth/login HTTP/1.1', 'Host: a', 'Content-Type: application/json']
    const request = [...head, 'Content-Length: 1000000000', '', ''].join('\r\n')
    const answer = await sendRaw(service.url, request, (text) => text.includes('payload_too_large'))
    expect(answer).toStartWith('HTTP/1.1 413 ')
  })

  test('an endless body is refused as soon as it is too large', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 4096
        controller.enqueue(new Uint8Array(4096).fill(32))
      },
    })
    expect(await login(endless)).toMatchObject(tooLarge)
    expect(sent).toBeLessThan(16 * 1024 * 1024)
  })
})

describe('text of a body', () => {
  const bytes = (...parts: (string | number[])[]) =>
    new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))))
  test.each<[string, Body]>([
    ['broken JSON', '{"email":'],
    ['single quotes', "{'email':'a'}"],
    ['trailing comma', '{"email":"a",}'],
    ['comment', '{/* */}'],
    ['two values', '{}{}'],
    ['NaN', '{"email":NaN}'],
    ['raw NUL in a string', '{"email":"\0"}'],
    ['raw line break in a string', '{"email":"\n"}'],
    ['only spaces', '   '],
    ['byte order mark', `\uFEFF${credentials}`],
    [
      'UTF-16',
      bytes(
        [255, 254],
        [...credentials].flatMap((letter) => [letter.charCodeAt(0), 0]),
      ),
    ],
    ['overlong UTF-8', bytes('{"email":"', [0xc0, 0x80], '"}')],
    ['surrogate in UTF-8', bytes('{"email":"', [0xed, 0xa0, 0x80], '"}')],
    ['cut-off UTF-8', bytes('{"email":"', [0xf0, 0x9f], '"}')],
    ['Latin-1', bytes('{"email":"', [0xe9], '"}')],
    ['60,000 brackets', '['.repeat(60_000)],
  ])('%s is malformed', async (_, body) => {
    expect(await login(body)).toMatchObject({ status: 400, code: 'malformed_body' })
  })

  test.each([
    ['NUL', '{"email":"a\\u0000"}', '/email'],
    ['lone surrogate', '{"email":"\\ud800"}', '/email'],
    ['NUL far inside', '{"a":[0,{"b/c~d":"\\u0000"}]}', '/a/1/b~1c~0d'],
    ['NUL in a key', '{"a":{"\\u0000":1}}', '/a'],
    ['lone surrogate in a key', '{"\\udfff":1}', ''],
    ['a bare string', '"\\u0000"', ''],
  ])('%s fails validation where it stands', async (_, body, pointer) => {
    const { status, errors } = await login(body)
    expect(status).toBe(422)
    expect(errors).toEqual([{ pointer, message: 'must be well-formed text without NUL' }])
  })

  test.each([31, 32, 33, 1000, 30_000])('%d levels cost next to nothing', async (depth) => {
    const startedAt = performance.now()
    const { status, errors } = await login('['.repeat(depth) + ']'.repeat(depth))
    expect([status, errors.length]).toEqual([422, 1])
    expect(errors[0].message.includes('nested')).toBe(depth > 32)
    expect(performance.now() - startedAt).toBeLessThan(1500)
  })

  test.each(['null', '[]', '7', '"text"', 'true'])('%s is no object', async (body) => {
    expect(await login(body)).toMatchObject({ status: 422, errors: [{ pointer: '' }] })
  })

  test('no body is an empty object', async () => {
    const { status, errors } = await login('')
    expect(status).toBe(422)
    expect(errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/email', '/password'])
  })

  test('of a key given twice the last one counts', async () => {
    const [first, last] = [service.newEmail(), service.newEmail()]
    const body = `{"email":"${first}","email":"${last}","password":"kq3vzw9x"}`
    expect((await service.call('POST /api/v1/auth/register', { body })).body.email).toBe(last)
  })

  test.each(['__proto__', 'constructor', 'prototype', 'toString'])(
    '%s is a field like others',
    async (key) => {
      const { status, errors } = await login(`{"${key}":{"email":"a@b.co"},${credentials.slice(1)}`)
      expect(status).toBe(422)
      expect(errors).toEqual([{ pointer: `/${key}`, message: expect.any(String) }])
      expect(Object.hasOwn(Object.prototype, 'email')).toBe(false)
    },
  )

  test('3,000 unknown fields are answered by 20 errors, a huge one by a short pointer', async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`key${at}`, 1]))
    expect((await login(JSON.stringify(many))).errors).toHaveLength(20)
    const { errors } = await login(`{"${'k'.repeat(50_000)}":1,${credentials.slice(1)}`)
    expect(errors[0].pointer.length).toBeLessThanOrEqual(100)
  })
})
