/**
 * The fields of a form (application/x-www-form-urlencoded). One without a value counts as absent (RFC 6749 §3.2), one
 * that is repeated is a list. Throws URIError for what is not UTF-8 in percent-encoding.
 */
export function parseForm(text: string): Record<string, string | string[]> {
  const fields = new Map<string, string[]>()
  for (const field of text.split('&')) {
    const at = field.indexOf('=')
    const value = at < 0 ? '' : unescapeField(field.slice(at + 1))
    const name = unescapeField(at < 0 ? field : field.slice(0, at))
    if (value === '') continue
    const values = fields.get(name)
    // In place: a copy for each value would keep the service from everyone for a second, by one body.
    if (values) values.push(value)
    else fields.set(name, [value])
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, single(values) ?? values]))
}

const single = ([first, ...others]: string[]) => (others.length === 0 ? first : null)

// URLSearchParams would put U+FFFD in the place of bytes that are no UTF-8, and so make two passwords one.
const unescapeField = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
