import { deriveKeys, type KeyOptions, type Keys } from './derive-keys'
import { withJwtCache } from './jwt-cache'

/** The keys in force, which can be replaced while requests run. */
export type Keyring = {
  /** To be taken once by what has to agree: another await later they may be others. */
  readonly current: Keys
  /** Puts other keys in force, at once and all of them; the same ones keep what they remember. */
  replace(secrets: string[]): Promise<void>
}

/** Derives the keys of `secrets`, and those that replace them. */
export async function createKeyring({ secrets, ...tokens }: KeyOptions): Promise<Keyring> {
  let current = await keysOf(secrets)
  // With its keys goes the memory of what they had verified: none of it may outlive a key that was taken away.
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
