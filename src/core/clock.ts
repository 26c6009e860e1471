/** The source of time. A test passes a clock that it can move. */
export type Clock = { now(): Date }

/** The clock of the machine. */
export const systemClock: Clock = { now: () => new Date() }

/** The time `seconds` after `from`. */
export const secondsAfter = (from: Date, seconds: number) => new Date(from.getTime() + seconds * 1000)

/** Whole seconds from `from` until `until`, rounded down, never negative. */
export const secondsBetween = (from: Date, until: Date) =>
  Math.max(0, Math.floor((until.getTime() - from.getTime()) / 1000))
