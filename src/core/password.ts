import { availableParallelism } from 'node:os'
import commonPasswords from '@zxcvbn-ts/language-common/src/passwords.json' with { type: 'text' }
import { randomText } from './crypto'
import { isPostgresText, textRule } from './postgres-text'
import { createSemaphore, type Load } from './semaphore'
import { verifyHash } from './verify-hash'

const maxPasswordLength = 256

export type PasswordCost = { memoryKib: number; time: number }

export type Passwords = {
  /** argon2id hash in PHC form. Throws `overloaded` when too many hashes already wait. */
  hash(password: string): Promise<string>
  /**
   * Compares with a stored hash; with `null` it spends the same time and says no. `null` for a hash that cannot be read,
   * after the same time. Throws `overloaded`.
   */
  verify(password: string, hash: string | null): Promise<boolean | null>
  /** True when a hash was made by another system, algorithm or at another cost than today's. */
  isOutdated(hash: string): boolean
  /** Throws `overloaded` when too many hashes already wait. */
  assertCapacity(): void
  readonly load: Load
}

// About two seconds of work for a core: the excess is refused at once, and what is admitted is answered soon.
const queuedHashesPerCore = 64
const maxHashWaitMilliseconds = 3000

/** Password hashing at one explicit cost, as many at a time as there are cores. */
export function createPasswords({ memoryKib, time }: PasswordCost): Passwords {
  const cores = availableParallelism()
  const gate = createSemaphore({
    permits: cores,
    queue: cores * queuedHashesPerCore,
    maxWaitMilliseconds: maxHashWaitMilliseconds,
    refusal: 'overloaded',
  })
  const cost = { algorithm: 'argon2id', memoryCost: memoryKib, timeCost: time } as const
  // Salt and digest have 32 bytes: other systems have our cost too, but a shorter salt.
  const currentForm = new RegExp(
    String.raw`^\$argon2id\$v=19\$m=${memoryKib},t=${time},p=1\$[^$]{43}\$[^$]{43}$`,
  )
  const isOutdated = (stored: string) => !currentForm.test(stored)
  // Made now, not at the first unknown address, whose answer would stand out by taking twice as long.
  const decoy = Bun.password.hash(randomText(32), cost)

  // The work of a comparison that fails, where there is nothing to compare with.
  const spend = async (password: string) => {
    await Bun.password.verify(asHashed(password), await decoy)
    return false
  }

  return {
    hash: (password) => gate.run(() => Bun.password.hash(asHashed(password), cost)),
    verify: (password, stored) =>
      gate.run(async () => {
        if (stored === null) return spend(password)
        const texts = isOutdated(stored) ? eitherWay(password) : [asHashed(password)]
        const isMatch = await verifyHash(texts, stored)
        if (isMatch === null) await spend(password)
        return isMatch
      }),
    isOutdated,
    assertCapacity: gate.assertCapacity,
    load: gate,
  }
}

/** Why a new password is refused, as a sentence, or `null`. OWASP ASVS 5 §6.2. */
export function passwordProblem(password: string, email: string, minLength: number): string | null {
  // No request to sign in could bring it; a command or a file can.
  if (!isPostgresText(password)) return textRule
  const normalised = normalise(password)
  const length = [...normalised].length
  if (length < minLength) return `must have at least ${minLength} characters`
  if (length > maxPasswordLength) return `must have at most ${maxPasswordLength} characters`
  const folded = normalised.toLowerCase()
  // The list is JSON text: a quoted match is a whole entry, and nothing has to be parsed or kept.
  if (commonPasswords.includes(JSON.stringify(folded))) return 'is among the most used passwords'
  const [localPart = ''] = email.split('@')
  if (localPart.length >= 4 && folded.includes(localPart))
    return 'must not contain the name in the e-mail address'
  return null
}

/** The same password typed on another keyboard or system must hash alike. */
const normalise = (password: string) => password.normalize('NFKC')

// Hashing throws on an empty password; a lone NUL can never be a stored one, since NUL is refused at the door.
const asHashed = (password: string) => normalise(password) || '\0'

/** Another system hashed what it was sent, and an older hash of ours is of the normalised text. */
const eitherWay = (password: string) => [...new Set([asHashed(password), password || '\0'])]
