/** What changes between start and end of the process; `/readyz` tells it. */
export type Lifecycle = {
  isMigrated: boolean
  /** Asked to end: it still serves, and sends clients elsewhere. */
  isDraining: boolean
  /** About to stop listening: requests are refused. */
  isClosing: boolean
  /** When the last request was refused for that, by `performance.now()`. */
  refusedAt: number
  /** Whether an acknowledged commit survives a power cut: a PostgreSQL server sees to that itself. */
  durability: 'ok' | 'off' | 'not_in_force'
  /** How late the event loop was in the last second, at worst. */
  lagMilliseconds: number
}
