import * as fc from 'fast-check'

/** `TEST_SEED=…` repeats the random choices of a run. */
export const seed = Number(Bun.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let draws = 0

/** A seeded Math.random. Its first use in a file prints the seed. */
export function random(): number {
  if (draws === 0) process.stderr.write(`TEST_SEED=${seed} repeats these random choices\n`)
  return Number(BigInt.asUintN(53, Bun.hash.wyhash(String(draws++), BigInt(seed)))) / 2 ** 53
}

/** An integer in [0, end). */
export const randomInteger = (end: number): number => Math.floor(random() * end)

/** `fc.assert` with the seed of the run; a failure prints it with the path of the counterexample. */
export function assertProperty<T>(property: fc.IProperty<T>, parameters: fc.Parameters<T> = {}): void {
  void fc.assert(property, { seed, ...parameters })
}

/** The asynchronous form of `assertProperty`. */
export function assertAsyncProperty<T>(
  property: fc.IAsyncProperty<T>,
  parameters: fc.Parameters<T> = {},
): Promise<void> {
  return fc.assert(property, { seed, ...parameters })
}
