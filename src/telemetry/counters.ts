import { errorCodes } from '../core/errors'
import type { BusEvent, EventBus } from '../core/event-bus'
import { policies } from '../core/rate-limiter/policies'
import type { RevokeReason } from '../modules/sessions/table'

/** A count for each label value. */
type LabelledCounter = Map<string, number>

/** The counters of this process since its start. */
export type Counters = ReturnType<typeof createCounters>

/** Counts the events of this process. */
export function createCounters(events: EventBus) {
  const counts = {
    signIns: labelledCounter(['succeeded', 'failed', 'limited']),
    refreshes: labelledCounter(['ok', 'repeated', 'reused', 'invalid']),
    revocations: labelledCounter(Object.keys(revocations)),
    failures: labelledCounter(errorCodes),
    refusals: labelledCounter(Object.keys(policies)),
  }
  events.on((event) => {
    if (event.type === 'audit.recorded') countEvent(counts, event)
    else if (event.type === 'session.refreshed') count(counts.refreshes, event.isRepeated ? 'repeated' : 'ok')
    else if (event.type === 'request.failed') countFailure(counts, event)
  })
  return counts
}

const revocations = {
  logged_out: true,
  ended_by_owner: true,
  ended_by_admin: true,
  refresh_token_reused: true,
  password_changed: true,
  user_deactivated: true,
  user_deleted: true,
  too_many_sessions: true,
} satisfies Record<RevokeReason, true>

type Of<T extends BusEvent['type']> = Extract<BusEvent, { type: T }>
type LabelledCounters = Record<
  'signIns' | 'refreshes' | 'revocations' | 'failures' | 'refusals',
  LabelledCounter
>

function countEvent({ signIns, revocations }: LabelledCounters, { event, reason }: Of<'audit.recorded'>) {
  if (event === 'sign_in.succeeded') count(signIns, 'succeeded')
  else if (event === 'sign_in.failed') count(signIns, 'failed')
  else if (event === 'session.revoked' && reason !== null) count(revocations, reason)
}

function countFailure(
  { signIns, refreshes, failures, refusals }: LabelledCounters,
  failed: Of<'request.failed'>,
) {
  const { code, policy } = failed
  count(failures, code)
  if (policy) count(refusals, policy)
  if (policy === 'login' || policy === 'account') count(signIns, 'limited')
  if (code === 'refresh_token_reused') count(refreshes, 'reused')
  else if (code === 'invalid_refresh_token') count(refreshes, 'invalid')
}

/** Every label value starts at zero: `rate()` needs the zero before the first increment. */
const labelledCounter = (names: readonly string[]): LabelledCounter => new Map(names.map((name) => [name, 0]))

const count = (tally: LabelledCounter, name: string) => tally.set(name, (tally.get(name) ?? 0) + 1)
