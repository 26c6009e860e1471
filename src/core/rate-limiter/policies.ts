/** Limits that a route may ask for, beside that of all routes. */
const routePolicies = {
  login: { quota: 10, windowSeconds: 60, per: 'address' },
  register: { quota: 10, windowSeconds: 3600, per: 'address' },
} as const

/** Every limit: how many uses in how long, and what is counted. */
export const policies = {
  ...routePolicies,
  default: { quota: 300, windowSeconds: 10, per: 'address' },
  refresh: { quota: 30, windowSeconds: 60, per: 'session' },
  password: { quota: 5, windowSeconds: 900, per: 'user' },
  account: { quota: 5, windowSeconds: 900, per: 'account' },
} as const
export type RoutePolicy = keyof typeof routePolicies
export type PolicyName = keyof typeof policies

/** Whether a route may ask for it. */
export const isRoutePolicy = (name: unknown): name is RoutePolicy =>
  typeof name === 'string' && Object.hasOwn(routePolicies, name)

/** How long an account that has used up its failures waits for the next try, and the next. The last one stays. */
export const accountDelaySeconds = [1, 2, 4, 8, 16, 30].map((minutes) => minutes * 60)

/** After this long without a sign-in being slowed down, the delays begin again with the shortest. */
export const accountDelaysForgottenSeconds = 24 * 3600

/** A limit that is used up, and for how long. */
export type Refusal = {
  policy: PolicyName
  retryAfterSeconds: number
  /** Whether it is the first refusal of this key in this window: the one worth a record. */
  isFirst: boolean
}
