import { randomText } from '../core/crypto'

/** Prints 32 random bytes, base64url. */
export async function printSecret(): Promise<number> {
  process.stdout.write(`${randomText(32)}\n`)
  return 0
}
