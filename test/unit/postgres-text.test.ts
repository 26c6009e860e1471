import { describe, expect, test } from 'bun:test'
import { assertPostgresText } from '../../src/core/postgres-text'

const many = Object.fromEntries(Array.from({ length: 6000 }, (_, at) => [`k${at.toString(36)}`, 1]))

describe('the check for text that PostgreSQL cannot store', () => {
  test.each([
    ['a list of 30,000 numbers', Array(30_000).fill(1)],
    ['6,000 fields', many],
    ['20,000 empty objects', { list: Array(20_000).fill({}) }],
  ])('of %s costs at most ten times as much as parsing it', (_, value) => {
    const text = JSON.stringify(value)
    const read = fastest(() => JSON.parse(text))
    const search = fastest(() => assertPostgresText(value))
    expect(search / read).toBeLessThan(10)
  })

  test('names the path, also in lists and for keys with slashes', () => {
    const errorsOf = (value: unknown) => {
      try {
        assertPostgresText(value)
        return null
      } catch (error) {
        return error instanceof Error && 'errors' in error ? error.errors : error
      }
    }
    expect(errorsOf({ a: ['x', { 'b/~': '\0' }] })).toMatchObject([{ pointer: '/a/1/b~1~0' }])
    expect(errorsOf({ a: { '\ud800': 1 } })).toMatchObject([{ pointer: '/a' }])
    expect(errorsOf(many)).toBeNull()
  })
})

/** The time of the fastest of thirty runs: other load on the machine slows single runs down. */
const fastest = (work: () => unknown) =>
  Math.min(
    ...Array.from({ length: 30 }, () => {
      const startedAt = performance.now()
      work()
      return performance.now() - startedAt
    }),
  )
