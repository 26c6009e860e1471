/** Limits that a route may add to the one of all routes. */
const routePolicies = {
  login: { quota: 10, windowSeconds: 60, per: 'address' },
  register: { quota: 10, windowSeconds: 3600, per: 'address' },
} as const

/** Every limit: the quota, the window and the unit that is counted. */
export const policies = {
  ...routePolicies,
  default: { quota: 300, windowSeconds: 10, per: 'address' },
  refresh: { quota: 30, windowSeconds: 60, per: 'session' },
  password: { quota: 5, windowSeconds: 900, per: 'user' },
  published_bytes: { quota: 5 * 1024 * 1024, windowSeconds: 3600, per: 'user' },
  new_channels: { quota: 200, windowSeconds: 3600, per: 'user' },
  account: { quota: 5, windowSeconds: 900, per: 'account' },
} as const
export type RoutePolicy = keyof typeof routePolicies
export type PolicyName = keyof typeof policies

/** The delays after the failures of an account that has used up its free ones. The last delay repeats. */
export const accountDelaySeconds = [1, 2, 4, 8, 16, 30].map((minutes) => minutes * 60)

/** After this time without a delayed login, the delays start again with the shortest. */
export const accountDelaysForgottenSeconds = 24 * 3600

/** An exhausted limit and the time until it resets. */
export type Refusal = {
  policy: PolicyName
  retryAfterSeconds: number
  /** True for the first refusal of a key in a window: only that one is recorded. */
  isFirst: boolean
}
