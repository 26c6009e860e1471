import { deriveKeys, type KeyOptions, type Keys } from './derive-keys'
import { withJwtCache } from './jwt-cache'

/** The current keys. They can be replaced while requests run. */
export type Keyring = {
  /** Read it once for each operation: the keys may be replaced during an `await`. */
  readonly current: Keys
  /** Replaces all keys at once. Keys that stay the same keep their cache of verified tokens. */
  replace(secrets: string[]): Promise<void>
}

/** Creates a keyring with keys that are derived from `secrets`. */
export async function createKeyring({ secrets, ...tokens }: KeyOptions): Promise<Keyring> {
  let current = await keysOf(secrets)
  // Each set of keys has its own cache, so that no cached token outlives a removed key.
  async function keysOf(secrets: string[]): Promise<Keys> {
    const keys = await deriveKeys({ secrets, ...tokens })
    return { ...keys, access: withJwtCache(keys.access) }
  }
  return {
    get current() {
      return current
    },
    async replace(secrets) {
      const next = await keysOf(secrets)
      const isSame = next.access.kids.join() === current.access.kids.join()
      if (!isSame) current = next
    },
  }
}
