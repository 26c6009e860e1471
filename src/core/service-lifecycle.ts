export type Durability = 'ok' | 'off' | 'not_in_force'

/** The state of the process from start to end. `/readyz` reports it; only the server changes it. */
export type Lifecycle = {
  readonly isMigrated: boolean
  /** True from the request to stop on: the service still serves, and sends clients elsewhere. */
  readonly isDraining: boolean
  /** True shortly before the listener closes: requests are refused. */
  readonly isClosing: boolean
  /** Requests that were refused while closing. */
  readonly refusals: number
  /** Whether an acknowledged commit survives a power cut. A PostgreSQL server sees to that itself. */
  readonly durability: Durability
  /** The greatest lag of the event loop in the last second. */
  readonly lagMilliseconds: number
  markMigrated(): void
  startDraining(): void
  startClosing(): void
  countRefusal(): void
  observeLag(milliseconds: number): void
}

export function createLifecycle(durability: Durability): Lifecycle {
  const state = { isMigrated: false, isDraining: false, isClosing: false, refusals: 0, lagMilliseconds: 0 }
  return {
    get isMigrated() {
      return state.isMigrated
    },
    get isDraining() {
      return state.isDraining
    },
    get isClosing() {
      return state.isClosing
    },
    get refusals() {
      return state.refusals
    },
    get lagMilliseconds() {
      return state.lagMilliseconds
    },
    durability,
    markMigrated() {
      state.isMigrated = true
    },
    startDraining() {
      state.isDraining = true
    },
    startClosing() {
      state.isClosing = true
    },
    countRefusal() {
      state.refusals++
    },
    observeLag(milliseconds) {
      state.lagMilliseconds = milliseconds
    },
  }
}
