import { fail } from './errors'

// No schema comes near it, and whatever walks or prints a body of brackets alone would take seconds over it.
const deepest = 32
const longestPointer = 100

/**
 * Throws `validation_failed` for JSON that the database cannot hold: an escape can bring in what UTF-8 itself cannot, NUL
 * and half a surrogate pair, which PostgreSQL refuses.
 */
export function assertStorable(value: unknown, pointer = '', depth = 0): void {
  if (typeof value === 'string' && !isStorable(value)) throw refusal(pointer, textRule)
  if (typeof value !== 'object' || value === null) return
  if (depth === deepest) throw refusal(pointer, `must not be nested deeper than ${deepest} levels`)
  for (const [key, item] of Object.entries(value)) {
    if (!isStorable(key)) throw refusal(pointer, textRule)
    assertStorable(item, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1)
  }
}

const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0')
const textRule = 'must be well-formed text without NUL'

const refusal = (pointer: string, message: string) =>
  fail('validation_failed', { errors: [{ pointer: pointer.slice(0, longestPointer), message }] })
