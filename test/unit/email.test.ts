import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { normaliseEmail } from '../../src/core/email'
import { assertProperty } from '../support/random'

const anything = fc.oneof(
  fc.emailAddress(),
  fc.string({ unit: 'binary' }),
  fc.tuple(fc.string(), fc.string()).map(([local, domain]) => `${local}@${domain}.com`),
  fc.emailAddress().map((email) => ` ${email.toUpperCase()}\t`),
)

describe('normalised e-mail address', () => {
  test('is its own normalised form', () => {
    assertProperty(
      fc.property(anything, (given) => {
        const email = normaliseEmail(given)
        fc.pre(email !== null)
        expect(normaliseEmail(String(email))).toBe(email)
      }),
    )
  })

  test('is one for every way to write its case and the spaces around it', () => {
    assertProperty(
      fc.property(fc.emailAddress(), fc.infiniteStream(fc.boolean()), (given, flips) => {
        const recased = [...given]
          .map((letter) => (flips.next().value ? letter.toUpperCase() : letter))
          .join('')
        expect(normaliseEmail(` ${recased}\n`)).toBe(normaliseEmail(given))
      }),
    )
  })

  test('is plain ASCII without spaces, of one @ and a dot in the domain, 254 characters at most', () => {
    assertProperty(
      fc.property(anything, (given) => {
        const email = normaliseEmail(given)
        if (email === null) return
        expect(email).toMatch(/^[!-~]{1,254}$/)
        expect(email).toMatch(/^[^@]{1,64}@[^@]+\.[^@]+$/)
        expect(email).toBe(email.toLowerCase())
      }),
    )
  })

  test('never comes from text that is not ASCII', () => {
    assertProperty(
      fc.property(fc.emailAddress(), fc.nat(), fc.integer({ min: 0x80, max: 0xffff }), (email, at, code) => {
        const index = at % (email.length + 1)
        const spoilt = email.slice(0, index) + String.fromCharCode(code) + email.slice(index)
        expect(normaliseEmail(spoilt)).toBeNull()
      }),
    )
  })

  test('a long hostile text is judged at once', () => {
    const startedAt = performance.now()
    for (const hostile of [
      `${'a.'.repeat(50_000)}@x.yy`,
      `a@${'a-'.repeat(50_000)}.com`,
      '@'.repeat(100_000),
    ])
      expect(normaliseEmail(hostile)).toBeNull()
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
