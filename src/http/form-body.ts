import { fail } from '../core/errors'

const maxName = 100
// RFC 8707 §2. Nothing here asks for it.
const repeatable = 'resource'

/**
 * The fields of a form (application/x-www-form-urlencoded). One without a value counts as absent, none may be there
 * twice (RFC 6749 §3.2) but `resource`. Throws `validation_failed`, and URIError for what is not UTF-8 in percent-encoding.
 */
export function parseForm(text: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const field of text.split('&')) {
    if (field === '') continue
    const at = field.indexOf('=')
    const value = at < 0 ? '' : unescapeField(field.slice(at + 1))
    const name = unescapeField(at < 0 ? field : field.slice(0, at))
    if (fields.has(name) && name !== repeatable) throw repeated(name)
    fields.set(name, value)
  }
  return Object.fromEntries([...fields].filter(([, value]) => value !== ''))
}

function repeated(name: string) {
  const pointer = `/${name.slice(0, maxName)}`
  return fail('validation_failed', { errors: [{ pointer, message: 'is there more than once' }] })
}

// URLSearchParams would put U+FFFD in the place of bytes that are no UTF-8, and so make two passwords one.
const unescapeField = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
