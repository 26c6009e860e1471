import type { Clock } from '../../src/core/clock'

export type MovableClock = Clock & { advance(seconds: number): void }

/** The clock of the machine plus an offset that a test moves. */
export function createMovableClock(): MovableClock {
  let offsetMilliseconds = 0
  return {
    now: () => new Date(Date.now() + offsetMilliseconds),
    advance: (seconds) => {
      offsetMilliseconds += seconds * 1000
    },
  }
}
