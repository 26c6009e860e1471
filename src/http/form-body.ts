import { fail } from '../core/errors'

const maxNameLength = 100
// RFC 8707 §2 allows it more than once. This service ignores it.
const repeatable = 'resource'

/**
 * The fields of a form (application/x-www-form-urlencoded). A field without a value counts as absent, and only `resource`
 * may be repeated (RFC 6749 §3.2). Throws `validation_failed`, and URIError for invalid percent-encoding or UTF-8.
 */
export function parseForm(text: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const field of text.split('&')) {
    if (field === '') continue
    const at = field.indexOf('=')
    const value = at < 0 ? '' : decodeField(field.slice(at + 1))
    const name = decodeField(at < 0 ? field : field.slice(0, at))
    if (fields.has(name) && name !== repeatable) throw duplicate(name)
    fields.set(name, value)
  }
  return Object.fromEntries([...fields].filter(([, value]) => value !== ''))
}

function duplicate(name: string) {
  const pointer = `/${name.slice(0, maxNameLength)}`
  return fail('validation_failed', { errors: [{ pointer, message: 'is there more than once' }] })
}

// URLSearchParams replaces invalid UTF-8 by U+FFFD, so that two different passwords would be equal.
const decodeField = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
