// What crypt(3) and all that follow it compare. Bun hashes what is longer beforehand, which nobody else does.
const bcryptBytes = 72

/** Whether one of these texts is the password behind a stored hash, of whatever system. */
export async function fitsAny(texts: string[], stored: string): Promise<boolean> {
  for (const text of texts) {
    if (await Bun.password.verify(comparedBytes(text, stored), stored)) return true
  }
  return false
}

function comparedBytes(text: string, stored: string): Uint8Array {
  const bytes = Buffer.from(text)
  return stored.startsWith('$2') ? bytes.subarray(0, bcryptBytes) : bytes
}
