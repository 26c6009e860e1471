// What crypt(3) and all that follow it compare. Bun hashes what is longer beforehand, which nobody else does.
const bcryptBytes = 72

// What Bun says of the hash; other errors, of memory say, are of the moment.
const faultsOfHash = new Set<unknown>([
  'PASSWORD_UNSUPPORTED_ALGORITHM',
  'PASSWORD_INVALID_ENCODING',
  'PASSWORD_WEAK_PARAMETERS',
])

/** Whether one of these texts is the password behind a stored hash, of whatever system; `null` if it cannot be read. */
export async function verifyHash(texts: string[], stored: string): Promise<boolean | null> {
  // Bun takes nothing for a hash that does not fit.
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
