/** Whether an acknowledged commit survives a power cut: a PostgreSQL server sees to that itself. */
export type Durability = 'ok' | 'off' | 'not_in_force'

/** The state of the process from its start to its end; `/readyz` shows it. */
export type Lifecycle = {
  readonly durability: Durability
  readonly isMigrated: boolean
  /** The process ends: it still serves, and sends clients to other instances. */
  readonly isDraining: boolean
  /** The listener closes in a moment: requests are refused. */
  readonly isClosing: boolean
  /** When the last request was refused for that, by `performance.now()`; 0 for never. */
  readonly refusedAt: number
  /** The greatest lag of the event loop within the last second. */
  readonly lagMilliseconds: number
  markMigrated(): void
  startDraining(): void
  startClosing(): void
  refused(): void
  observeLag(milliseconds: number): void
}

export function createLifecycle(durability: Durability): Lifecycle {
  const state = { isMigrated: false, isDraining: false, isClosing: false, refusedAt: 0, lagMilliseconds: 0 }
  return {
    durability,
    get isMigrated() {
      return state.isMigrated
    },
    get isDraining() {
      return state.isDraining
    },
    get isClosing() {
      return state.isClosing
    },
    get refusedAt() {
      return state.refusedAt
    },
    get lagMilliseconds() {
      return state.lagMilliseconds
    },
    markMigrated() {
      state.isMigrated = true
    },
    startDraining() {
      state.isDraining = true
    },
    startClosing() {
      state.isClosing = true
    },
    refused() {
      state.refusedAt = performance.now()
    },
    observeLag(milliseconds) {
      state.lagMilliseconds = milliseconds
    },
  }
}
