import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { milliseconds } from '../../src/core/duration'
import { assertProperty } from '../support/random'

const factors = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

describe('duration', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
  ])('%s is %d milliseconds', (text, expected) => {
    expect(milliseconds(text)).toBe(expected)
  })

  test('is exactly its amount times its unit', () => {
    const unit = fc.constantFrom('ms', 's', 'm', 'h', 'd')
    assertProperty(
      fc.property(fc.integer({ min: 1, max: 999_999_999 }), unit, (amount, unit) => {
        expect(milliseconds(`${amount}${unit}`)).toBe(amount * factors[unit])
      }),
    )
  })

  test.each([
    '',
    '0s',
    '01s',
    '10',
    's',
    '10 s',
    '10S',
    '1.5h',
    '-1s',
    '+1s',
    '1e3s',
    '10s\n',
    '1h30m',
    '٣s',
  ])('%j is not a duration', (text) => {
    expect(() => milliseconds(text)).toThrow('not a duration')
  })

  test('any other text is not a duration', () => {
    assertProperty(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^[1-9]\d*(ms|s|m|h|d)$/.test(text))
        expect(() => milliseconds(text)).toThrow('not a duration')
      }),
    )
  })
})
