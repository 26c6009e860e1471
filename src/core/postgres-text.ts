import { fail } from './errors'

// No schema comes near it, and whatever walks or prints a body of brackets alone would take seconds over it.
const deepest = 32
const maxPointer = 100

/** What is wrong, and where: the keys on the way to it. */
type Fault = { rule: string; path: string[] }

/**
 * Throws `validation_failed` for JSON that the database cannot hold: an escape can bring in what UTF-8 itself cannot, NUL
 * and half a surrogate pair, which PostgreSQL refuses.
 */
export function assertPostgresText(value: unknown): void {
  const fault = faultIn(value, 0)
  if (!fault) return
  const pointer = fault.path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  throw fail('validation_failed', {
    errors: [{ pointer: pointer.slice(0, maxPointer), message: fault.rule }],
  })
}

/** The way there is put together only when there is a fault: a body may have twenty thousand places. */
function faultIn(value: unknown, depth: number): Fault | null {
  if (typeof value === 'string') return isPostgresText(value) ? null : { rule: textRule, path: [] }
  if (typeof value !== 'object' || value === null) return null
  if (depth === deepest) return { rule: `must not be nested deeper than ${deepest} levels`, path: [] }
  if (Array.isArray(value)) return faultAmong(value, null, depth)
  const names = Object.keys(value)
  if (!names.every(isPostgresText)) return { rule: textRule, path: [] }
  // Looking each value up by its name costs twenty times as much.
  return faultAmong(Object.values(value), names, depth)
}

function faultAmong(items: unknown[], names: string[] | null, depth: number): Fault | null {
  for (let at = 0; at < items.length; at++) {
    const fault = faultIn(items[at], depth + 1)
    if (fault) return { ...fault, path: [names?.[at] ?? `${at}`, ...fault.path] }
  }
  return null
}

/** Whether a request could bring this text. */
export const isPostgresText = (text: string) => text.isWellFormed() && !text.includes('\0')
export const textRule = 'must be well-formed text without NUL'
