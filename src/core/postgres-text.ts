import { fail } from './errors'

// No schema of ours is this deep. Walking or printing a body of nothing but brackets would take seconds.
const deepest = 32
const maxPointer = 100

/** A broken rule and the keys that lead to it. */
type Fault = { rule: string; path: string[] }

/**
 * Throws `validation_failed` for JSON that PostgreSQL cannot store. Escapes can contain NUL and lone surrogates, which
 * PostgreSQL refuses.
 */
export function assertPostgresText(value: unknown): void {
  const fault = faultIn(value, 0)
  if (!fault) return
  const pointer = fault.path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  throw fail('validation_failed', {
    errors: [{ pointer: pointer.slice(0, maxPointer), message: fault.rule }],
  })
}

/** Builds the path only for a fault: a body may have twenty thousand values. */
function faultIn(value: unknown, depth: number): Fault | null {
  if (typeof value === 'string') return isPostgresText(value) ? null : { rule: textRule, path: [] }
  if (typeof value !== 'object' || value === null) return null
  if (depth === deepest) return { rule: `must not be nested deeper than ${deepest} levels`, path: [] }
  if (Array.isArray(value)) return faultAmong(value, null, depth)
  const names = Object.keys(value)
  if (!names.every(isPostgresText)) return { rule: textRule, path: [] }
  // A lookup of each value by name costs twenty times as much.
  return faultAmong(Object.values(value), names, depth)
}

function faultAmong(items: unknown[], names: string[] | null, depth: number): Fault | null {
  for (let at = 0; at < items.length; at++) {
    const fault = faultIn(items[at], depth + 1)
    if (fault) return { ...fault, path: [names?.[at] ?? `${at}`, ...fault.path] }
  }
  return null
}

/** True for text that PostgreSQL can store. */
export const isPostgresText = (text: string) => text.isWellFormed() && !text.includes('\0')
export const textRule = 'must be well-formed text without NUL'
