import type { Service } from './service'

/** For a service that is to believe `X-Forwarded-For` of the tests, with limits on. */
export const limited = { RATE_LIMIT: 'on', TRUSTED_PROXIES: '127.0.0.0/8,::1/128' }

let addresses = 0

/** An address that no one else has. */
export const newAddress = () => `198.51.${100 + (++addresses >> 8)}.${addresses & 255}`

/** The header of a request that comes from an address. */
export const from = (address: string) => ({ 'x-forwarded-for': address })

/** Does something many times at once. */
export const times = <T>(count: number, work: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, at) => work(at)))

/** How many answers had which status. */
export const statuses = (answers: { status: number }[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]),
  )

/** Counts the passwords that are checked while `work` runs. */
export async function countingHashes(
  { deps: { passwords } }: Pick<Service, 'deps'>,
  work: () => Promise<unknown>,
) {
  const { verify } = passwords
  let hashes = 0
  passwords.verify = (password, hash) => {
    hashes++
    return verify(password, hash)
  }
  await work()
  passwords.verify = verify
  return hashes
}
