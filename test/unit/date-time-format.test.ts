import { expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { registerDateTimeFormat } from '../../src/http/date-time-format'
import { Timestamp } from '../../src/http/schemas'

test.each([
  ['2026-01-31T12:00:00.000Z', true],
  ['2026', false],
  ['2026-01-31', false],
  ['2026-01-31T12:00:00Z', false],
  ['2026-01-31T13:00:00.000+01:00', false],
  ['2026-01-31 12:00:00.000Z', false],
])('%j is a timestamp: %p', (text, isOne) => {
  registerDateTimeFormat()
  expect(Value.Check(Timestamp, text)).toBe(isOne)
})
