// bcrypt compares 72 bytes, in crypt(3) and everywhere else. Bun alone pre-hashes longer passwords.
const bcryptBytes = 72

// Codes by which Bun rejects the hash itself. Other errors, such as lack of memory, are temporary.
const faultsOfHash = new Set<unknown>([
  'PASSWORD_UNSUPPORTED_ALGORITHM',
  'PASSWORD_INVALID_ENCODING',
  'PASSWORD_WEAK_PARAMETERS',
])

/** True when one of the texts matches a stored hash of any system; `null` when the hash is unreadable. */
export async function verifyHash(texts: string[], stored: string): Promise<boolean | null> {
  // Bun would treat an empty hash as one that does not match.
  if (stored === '') return null
  try {
    for (const text of texts) {
      if (await Bun.password.verify(comparedBytes(text, stored), stored)) return true
    }
    return false
  } catch (error) {
    if (error instanceof Error && 'code' in error && faultsOfHash.has(error.code)) return null
    throw error
  }
}

function comparedBytes(text: string, stored: string): Uint8Array {
  const bytes = Buffer.from(text)
  return stored.startsWith('$2') ? bytes.subarray(0, bcryptBytes) : bytes
}
