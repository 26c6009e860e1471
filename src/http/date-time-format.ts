import { FormatRegistry } from '@sinclair/typebox'

// RFC 3339 as `Date.prototype.toISOString` writes it.
const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Replaces the format `date-time` of Elysia, which is slow and lax. See docs/workarounds.md#elysia-date-time. */
export function registerDateTimeFormat() {
  FormatRegistry.Set('date-time', (value) => timestampPattern.test(value))
}
