import { describe, expect, test } from 'bun:test'
import { assertPostgresText } from '../../src/core/postgres-text'

const many = Object.fromEntries(Array.from({ length: 6000 }, (_, at) => [`k${at.toString(36)}`, 1]))

describe('the search for text that cannot be stored', () => {
  test.each([
    ['a list of 30,000 numbers', Array(30_000).fill(1)],
    ['6,000 fields', many],
    ['20,000 empty objects', { list: Array(20_000).fill({}) }],
  ])('of %s costs no more than ten times as much as reading it as JSON', (_, value) => {
    const text = JSON.stringify(value)
    const read = least(() => JSON.parse(text))
    const search = least(() => assertPostgresText(value))
    expect(search / read).toBeLessThan(10)
  })

  test('names the place, also in lists and under odd names', () => {
    const places = (value: unknown) => {
      try {
        assertPostgresText(value)
        return null
      } catch (error) {
        return error instanceof Error && 'errors' in error ? error.errors : error
      }
    }
    expect(places({ a: ['x', { 'b/~': '\0' }] })).toMatchObject([{ pointer: '/a/1/b~1~0' }])
    expect(places({ a: { '\ud800': 1 } })).toMatchObject([{ pointer: '/a' }])
    expect(places(many)).toBeNull()
  })
})

/** The quickest of thirty runs: what others on the machine do makes the rest slower. */
const least = (work: () => unknown) =>
  Math.min(
    ...Array.from({ length: 30 }, () => {
      const startedAt = performance.now()
      work()
      return performance.now() - startedAt
    }),
  )
