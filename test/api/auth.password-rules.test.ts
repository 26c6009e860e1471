import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'

const service = useService()

// As text: what is refused is no secret to look for in the log.
const send = (path: string, body: object) =>
  service.call(`POST /api/v1/auth/${path}`, { body: JSON.stringify(body) })
const register = (password: unknown, email = service.newEmail()) => send('register', { email, password })

describe('password of a new account', () => {
  test.each([
    ['8 characters', 'kq3vzw9x'],
    ['256 characters', `kq3${'v'.repeat(253)}`],
    ['256 emoji: characters count, not bytes', '🦜'.repeat(256)],
    ['256 characters in four code points each, as some systems send them', 'ᾂ'.normalize('NFD').repeat(256)],
    ['spaces at both ends, which belong to it', '  kq3vzw  '],
    ['line breaks and tabs', 'kq3\n\tvzw9'],
    ['quotes', `kq3"'\\vzw9`],
  ])('%s is taken and signs in', async (_, password) => {
    const email = service.newEmail()
    expect((await register(password, email)).status).toBe(201)
    expect((await send('login', { email, password })).status).toBe(200)
  })

  test.each([
    ['7 characters', 'kq3vzw9', 'at least 8'],
    ['257 characters', `kq3${'v'.repeat(254)}`, 'at most 256'],
    ['7 emoji, 14 UTF-16 units', '🦜'.repeat(7), 'at least 8'],
    ['257 emoji', '🦜'.repeat(257), 'at most 256'],
    ['5 letters with 5 combining marks, which are 5 characters', 'e\u0301'.repeat(5), 'at least 8'],
    ['common', 'password123', 'most used'],
    ['common in upper case', 'PASSWORD123', 'most used'],
    ['common in mixed case', 'QwErTyUiOp', 'most used'],
    ['common in full-width letters', 'ｐａｓｓｗｏｒｄ', 'most used'],
    ['common digits', '1234567890', 'most used'],
  ])('%s is refused, and the answer says why', async (_, password, why) => {
    const { status, body, text } = await register(password)
    expect([status, body.code]).toEqual([422, 'weak_password'])
    expect(body.errors).toEqual([{ pointer: '/password', message: expect.stringContaining(why) }])
    expect(text).not.toContain(password)
  })

  test.each([
    ['lovelace', 'my-lovelace-9'],
    ['Lovelace', 'my-lovelace-9'],
    ['lovelace', 'my-LOVELACE-9'],
    ['lovelace', 'ｍｙ-ｌｏｖｅｌａｃｅ-9'],
    ['adal', 'xx-adal-xx-9'],
  ])('%s@example.com must not choose %s', async (local, password) => {
    const { status, body } = await register(password, `${local}@example.com`)
    expect([status, body.code]).toEqual([422, 'weak_password'])
    expect(body.errors[0].message).toContain('must not contain the name')
  })

  test('a name of three letters in the address is too short to matter', async () => {
    expect((await register('xx-ada-xx-9', 'ada@example.com')).status).toBe(201)
  })

  test.each([
    ['NUL', 'kq3vzw9x\0'],
    ['lone surrogate', 'kq3vzw9x\uD800'],
    ['two halves the wrong way round', 'kq3vzw9x\uDC00\uD800'],
    ['empty', ''],
    ['100,000 bytes in one field', 'k'.repeat(60_000)],
    ['number', 1234567890],
    ['null', null],
    ['list', ['kq3vzw9x']],
  ])('%s fails validation on both ways in', async (_, password) => {
    const email = service.newEmail()
    for (const path of ['register', 'login']) {
      const { status, body } = await send(path, { email, password })
      expect([status, body.code, body.errors[0].pointer]).toEqual([422, 'validation_failed', '/password'])
    }
  })
})

describe('one password in two Unicode forms', () => {
  test.each([
    ['composed, then combining', 'd\u00E9cembre 31', 'de\u0301cembre 31'],
    ['combining, then composed', 'A\u030Angstrom 7', '\u00C5ngstrom 7'],
    ['letter, then sign', '\u00C5ngstrom 8', '\u212Bngstrom 8'],
    ['full-width, then ASCII', 'ｋｑ３ｖｚｗ９ｘ', 'kq3vzw9x'],
    ['ASCII, then ligature', 'office kq3', 'o\uFB03ce kq3'],
    ['Hangul syllables, then letters', '한국어비밀번호야', '한국어비밀번호야'.normalize('NFD')],
    ['space, then no-break space', 'kq3 vzw9x', 'kq3\u00A0vzw9x'],
  ])('%s: registers and signs in', async (_, chosen, typed) => {
    const email = service.newEmail()
    expect(chosen).not.toBe(typed)
    expect((await register(chosen, email)).status).toBe(201)
    expect((await send('login', { email, password: typed })).status).toBe(200)
  })

  test('case, and letters that only look alike, stay different', async () => {
    const email = service.newEmail()
    expect((await register('kq3vzw9x-a', email)).status).toBe(201)
    for (const password of ['KQ3VZW9X-A', 'kq3vzw9x-а', 'kq3vzw9x-a ', 'kq3vzw9x-'])
      expect((await send('login', { email, password })).status).toBe(401)
  })
})
