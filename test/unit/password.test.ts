import { describe, expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import { createPasswords, passwordProblem } from '../../src/core/password'
import { assertProperty } from '../support/random'

const problem = (password: string, email = 'ada@example.com') => passwordProblem(password, email, 8)
const passwords = createPasswords({ memoryKib: 64, time: 1 })

describe('password rule', () => {
  test('judges every Unicode form of a password alike', () => {
    assertProperty(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (password) => {
        const forms = (['NFC', 'NFD', 'NFKC', 'NFKD'] as const).map((form) =>
          problem(password.normalize(form)),
        )
        expect(new Set(forms).size).toBe(1)
      }),
    )
  })

  test('counts any characters after NFKC', () => {
    assertProperty(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (password) => {
        const length = [...password.normalize('NFKC')].length
        const message = problem(password)
        if (password.includes('\0')) return expect(message).toBe('must be well-formed text without NUL')
        if (length < 8) expect(message).toContain('at least 8')
        if (length > 256) expect(message).toContain('at most 256')
      }),
    )
  })

  test.each(['kq3vzw9x\0', '\0', 'kq3vzw9x\uD800'])(
    '%j is refused, because a login request cannot contain it',
    (password) => {
      expect(problem(password)).toBe('must be well-formed text without NUL')
    },
  )

  test('returns null or one of four messages, and never the password', () => {
    const messages = [
      null,
      'must have at least 8 characters',
      'must have at most 256 characters',
      'is among the most used passwords',
      'must not contain the name in the e-mail address',
    ]
    assertProperty(
      fc.property(fc.string({ maxLength: 300 }), fc.emailAddress(), (password, email) => {
        expect(messages).toContain(problem(password, email))
      }),
    )
  })

  test.each(['password', 'iloveyou', '12345678', 'qwertyuiop', 'P@SSW0RD', 'Football', 'ｐａｓｓｗｏｒｄ１'])(
    '%s is too common',
    (password) => {
      expect(problem(password)).toBe('is among the most used passwords')
    },
  )

  test.each(['password,', '"password"', 'password","', 'pass word', 'passwordpassw0rdpassword', '[]", "[]'])(
    '%s is not on the list, although parts of it are',
    (password) => {
      expect(problem(password)).toBeNull()
    },
  )

  test('the configured minimum is in the message', () => {
    expect(passwordProblem('kq3vzw9xkq3', 'ada@example.com', 12)).toBe('must have at least 12 characters')
  })
})

describe('password hash', () => {
  test('matches every Unicode form of its password and no other', async () => {
    const hash = await passwords.hash('déｃembre 31')
    for (const same of ['de\u0301cembre 31', 'd\u00E9cembre 31'])
      expect(await passwords.verify(same, hash)).toBe(true)
    for (const other of ['decembre 31', 'Décembre 31', 'décembre 31 ', '', '\0'])
      expect(await passwords.verify(other, hash)).toBe(false)
  })

  test('of the same password differs each time', async () => {
    expect(await passwords.hash('kq3vzw9x')).not.toBe(await passwords.hash('kq3vzw9x'))
  })

  test('a missing hash matches no password', async () => {
    for (const password of ['', 'kq3vzw9x']) expect(await passwords.verify(password, null)).toBe(false)
  })

  test('is outdated unless algorithm and cost are those of today', async () => {
    const hash = (form: Parameters<typeof Bun.password.hash>[1]) => Bun.password.hash('kq3vzw9x', form)
    expect(passwords.isOutdated(await passwords.hash('kq3vzw9x'))).toBe(false)
    expect(passwords.isOutdated(await hash({ algorithm: 'bcrypt', cost: 4 }))).toBe(true)
    expect(passwords.isOutdated(await hash({ algorithm: 'argon2id', memoryCost: 65, timeCost: 1 }))).toBe(
      true,
    )
    expect(passwords.isOutdated(await hash({ algorithm: 'argon2id', memoryCost: 64, timeCost: 12 }))).toBe(
      true,
    )
    expect(passwords.isOutdated(await hash({ algorithm: 'argon2d', memoryCost: 64, timeCost: 1 }))).toBe(true)
  })
})

describe('hash of another system, made by crypt(3)', () => {
  const salted = '$2b$04$abcdefghijklmnopqrstuu'
  const hashes: [string, string][] = [
    ['Zimmer 40m² µ', 'LFc2SIVQgKXLt70k3CWAeDTqVOy9YO.'],
    ['½ Liter´…', 'E2Aq48DjslkCGFkVfQCRydeSbgNpYue'],
    ['de\u0301cembre 31', '8XgJaeUOF/wWA4tmZuo3sN7ATfNXiJq'],
    ['x'.repeat(80), 'bzadhGtS2zEF.gu0yd0opP6cVzb.e0i'],
    ['é'.repeat(40), 'KiIlCeXB6chNXkLyAo8C7XcLPzh6zUe'],
    [`40m² ${'µ'.repeat(40)}`, '/7TXxPWb90M6Lf/ZDdcDdZZvZj0fOMC'],
  ]

  test.each(hashes)('matches %s in the bytes that the other system was sent', async (password, end) => {
    expect(await passwords.verify(password, salted + end)).toBe(true)
    expect(await passwords.verify(`!${password}`, salted + end)).toBe(false)
    expect(passwords.isOutdated(salted + end)).toBe(true)
  })

  test('depends on the first 72 bytes of a password and on nothing after them', async () => {
    const hash = `${salted}bzadhGtS2zEF.gu0yd0opP6cVzb.e0i`
    for (const length of [72, 73, 256]) expect(await passwords.verify('x'.repeat(length), hash)).toBe(true)
    for (const other of ['x'.repeat(71), `${'x'.repeat(71)}y${'x'.repeat(8)}`])
      expect(await passwords.verify(other, hash)).toBe(false)
  })

  test('may have our algorithm and cost with a shorter salt', async () => {
    // From the reference implementation, with `saltsaltsaltsalt`.
    const hash =
      '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$iUJR7P8RAZ+DpkX39Y/NtTU77/kradxBMaktLchM8aI'
    expect(passwords.isOutdated(hash)).toBe(true)
    expect(await passwords.verify('Zimmer 40m² µ', hash)).toBe(true)
  })
})

describe('hash of the current form', () => {
  test('is compared once with any password', async () => {
    const hash = await passwords.hash('Zimmer 40m² µ')
    const verify = spyOn(Bun.password, 'verify')
    expect(await passwords.verify('Zimmer 40m³ µ', hash)).toBe(false)
    expect(await passwords.verify('Zimmer 40m³ µ', null)).toBe(false)
    expect(verify).toHaveBeenCalledTimes(2)
    verify.mockRestore()
  })
})

describe('unreadable hash', () => {
  const salt = 'AJGvudoC/laloMAsx3a3Wqi5D0gV5Jqze6URGyIUlJ0'
  test.each([
    '',
    'plain',
    '{SHA}abc',
    '$1$abc$def',
    '$2b$04$bIwAt8lTsldqRjK11AVly.RJvof',
    '$2b$99$bIwAt8lTsldqRjK11AVly.RJvofB0FJuNSicE24Pvh17SLjgUJmuq',
    '$argon2id$v=19$m=64,t=1,p=1$',
    `$argon2id$v=19$m=64,t=1,p=1$${salt}$Y300dhMIZ2nlSP0CUm9ycC5`,
    `$argon2id$v=19$m=64,t=1,p=1$${salt}$${'-'.repeat(43)}`,
  ])('%j matches no password, is reported as unreadable, and costs as much as no hash', async (stored) => {
    const ours = await passwords.hash('kq3vzw9x')
    const verify = spyOn(Bun.password, 'verify')
    for (const password of ['kq3vzw9x', 'Zimmer 40m² µ']) {
      verify.mockClear()
      expect(await passwords.verify(password, stored)).toBeNull()
      // The last comparison is with the decoy.
      expect(String(verify.mock.lastCall?.[1]).slice(0, 28)).toBe(ours.slice(0, 28))
    }
    verify.mockRestore()
  })
})
