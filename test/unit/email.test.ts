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
      fc.property(anything, (input) => {
        const email = normaliseEmail(input)
        fc.pre(email !== null)
        expect(normaliseEmail(String(email))).toBe(email)
      }),
    )
  })

  test('is the same for any case and any spaces around it', () => {
    assertProperty(
      fc.property(fc.emailAddress(), fc.infiniteStream(fc.boolean()), (input, flips) => {
        const recased = [...input]
          .map((letter) => (flips.next().value ? letter.toUpperCase() : letter))
          .join('')
        expect(normaliseEmail(` ${recased}\n`)).toBe(normaliseEmail(input))
      }),
    )
  })

  test('is ASCII without spaces, has one @ and a dot in the domain, and at most 254 characters', () => {
    assertProperty(
      fc.property(anything, (input) => {
        const email = normaliseEmail(input)
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
        const nonAscii = email.slice(0, index) + String.fromCharCode(code) + email.slice(index)
        expect(normaliseEmail(nonAscii)).toBeNull()
      }),
    )
  })

  test('a long hostile text costs no noticeable time', () => {
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
