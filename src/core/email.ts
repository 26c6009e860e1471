const maxLength = 254
const maxLocalLength = 64

// An unquoted local part (RFC 5321 §4.1.2) and a domain of at least two labels, in ASCII.
const localPattern = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const domainPattern = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/

/** The form that identifies an account: trimmed and lower-cased. `null` for an address that we do not accept. */
export function normaliseEmail(given: string): string | null {
  const email = given.trim().toLowerCase()
  const at = email.lastIndexOf('@')
  const local = email.slice(0, at)
  const domain = email.slice(at + 1)
  const isAddress = at > 0 && email.length <= maxLength && local.length <= maxLocalLength
  // Lower-casing maps a few non-ASCII letters (the Kelvin sign) to ASCII: two spellings would become one account.
  if (!isAddress || !isAscii(given)) return null
  return localPattern.test(local) && domainPattern.test(domain) ? email : null
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is the whole of ASCII, so that anything outside is refused.
const isAscii = (text: string) => /^[\x00-\x7f]*$/.test(text)
