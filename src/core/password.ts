import { availableParallelism } from 'node:os'
import commonPasswords from '@zxcvbn-ts/language-common/src/passwords.json' with { type: 'text' }
import { randomText } from './crypto'
import { isPostgresText, textRule } from './postgres-text'
import { createSemaphore, type Load } from './semaphore'
import { verifyHash } from './verify-hash'

const maxPasswordLength = 256

export type PasswordCost = { memoryKib: number; time: number }

export type Passwords = {
  /** Returns an argon2id hash in PHC form. Throws `overloaded` when the queue is full. */
  hash(password: string): Promise<string>
  /**
   * Compares a password with a stored hash. A `null` hash is false after the same time. Returns `null` for an unreadable
   * hash, also after the same time. Throws `overloaded`.
   */
  verify(password: string, hash: string | null): Promise<boolean | null>
  /** True when a hash has another algorithm, cost or salt length than those of today. */
  isOutdated(hash: string): boolean
  /** Throws `overloaded` when the queue is full. */
  assertCapacity(): void
  readonly load: Load
}

// About two seconds of work for each core. The excess is refused at once, so admitted work waits a bounded time.
const maxQueuedHashesPerCore = 64
const maxHashWaitMilliseconds = 3000

/** Hashes passwords at one explicit cost, one hash at a time for each core. */
export function createPasswords({ memoryKib, time }: PasswordCost): Passwords {
  const cores = availableParallelism()
  const gate = createSemaphore({
    permits: cores,
    maxQueued: cores * maxQueuedHashesPerCore,
    maxWaitMilliseconds: maxHashWaitMilliseconds,
    errorCode: 'overloaded',
  })
  const cost = { algorithm: 'argon2id', memoryCost: memoryKib, timeCost: time } as const
  // Our salt and digest have 32 bytes. Other systems may use the same cost with a shorter salt.
  const currentForm = new RegExp(
    String.raw`^\$argon2id\$v=19\$m=${memoryKib},t=${time},p=1\$[^$]{43}\$[^$]{43}$`,
  )
  const isOutdated = (stored: string) => !currentForm.test(stored)
  // Made at start: made at the first unknown address, it would double the time of that response.
  const decoy = Bun.password.hash(randomText(32), cost)

  // Does the work of a failed comparison when there is no hash.
  const compareWithDecoy = async (password: string) => {
    await Bun.password.verify(asHashed(password), await decoy)
    return false
  }

  return {
    hash: (password) => gate.run(() => Bun.password.hash(asHashed(password), cost)),
    verify: (password, stored) =>
      gate.run(async () => {
        if (stored === null) return compareWithDecoy(password)
        const texts = isOutdated(stored) ? bothForms(password) : [asHashed(password)]
        const isMatch = await verifyHash(texts, stored)
        if (isMatch === null) await compareWithDecoy(password)
        return isMatch
      }),
    isOutdated,
    assertCapacity: gate.assertCapacity,
    load: gate,
  }
}

/** Says why a new password is refused; `null` for an acceptable one. OWASP ASVS 5 §6.2. */
export function passwordProblem(password: string, email: string, minLength: number): string | null {
  // A request cannot contain such text, but a command or a file can.
  if (!isPostgresText(password)) return textRule
  const normalised = normalise(password)
  const length = [...normalised].length
  if (length < minLength) return `must have at least ${minLength} characters`
  if (length > maxPasswordLength) return `must have at most ${maxPasswordLength} characters`
  const folded = normalised.toLowerCase()
  // The list is JSON text. A quoted match is a whole entry, so the list is never parsed.
  if (commonPasswords.includes(JSON.stringify(folded))) return 'is among the most used passwords'
  const [localPart = ''] = email.split('@')
  if (localPart.length >= 4 && folded.includes(localPart))
    return 'must not contain the name in the e-mail address'
  return null
}

/** Makes one password typed on different keyboards the same text. */
const normalise = (password: string) => password.normalize('NFKC')

// Bun.password throws on an empty password. NUL stands in for it: no stored password can be a NUL.
const asHashed = (password: string) => normalise(password) || '\0'

/** Another system hashed the text as sent; an older hash of ours is of the normalised text. */
const bothForms = (password: string) => [...new Set([asHashed(password), password || '\0'])]
