import type { Service } from './service'

/** Variables for a service with rate limits that trusts `X-Forwarded-For` of the tests. */
export const limited = { RATE_LIMIT: 'on', TRUSTED_PROXIES: '127.0.0.0/8,::1/128' }

let addresses = 0

/** An unused address. */
export const newAddress = () => `198.51.${100 + (++addresses >> 8)}.${addresses & 255}`

/** The header of a request from an address. */
export const from = (address: string) => ({ 'x-forwarded-for': address })

/** Runs `work` many times in parallel. */
export const times = <T>(count: number, work: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, at) => work(at)))

/** Counts responses by status. */
export const statuses = (answers: { status: number }[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]),
  )

/** Counts the password checks while `work` runs. */
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
