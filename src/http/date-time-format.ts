import { FormatRegistry } from '@sinclair/typebox'

// RFC 3339, in the one spelling that `Date` gives.
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Elysia's own `date-time` takes a bare year and costs several times as much, on every answer that names a time. */
export function checkFormatsStrictly() {
  FormatRegistry.Set('date-time', (value) => moment.test(value))
}
