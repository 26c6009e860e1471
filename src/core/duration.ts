const millisecondsPer = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The form of a duration: `500ms`, `10s`, `15m`, `12h`, `7d`. */
export const durationPattern = /^(?<amount>[1-9]\d{0,8})(?<unit>ms|s|m|h|d)$/

/** Converts a duration such as `15m` to milliseconds. Throws for any other text. */
export function milliseconds(duration: string): number {
  const { amount, unit } = durationPattern.exec(duration)?.groups ?? {}
  if (!amount || !isUnit(unit)) throw new Error('not a duration')
  return Number(amount) * millisecondsPer[unit]
}

const isUnit = (unit: string | undefined): unit is keyof typeof millisecondsPer =>
  unit !== undefined && unit in millisecondsPer
