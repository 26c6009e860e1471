import { LRUCache } from 'lru-cache'
import type { EventBus } from '../../core/event-bus'
import type { MaybePromise } from '../../core/maybe-promise'
import type { Db } from '../../postgres/rows'
import * as repo from './repo'

/** What decides whether an access token still counts, and what its owner most often asks for. */
type Liveness = NonNullable<Awaited<ReturnType<typeof repo.liveness>>>

export type LivenessCache = {
  /** The state of a session and its user, `null` when either is gone. Throws `database_unavailable`. */
  of(sessionId: string, userId: string): MaybePromise<Liveness | null>
  /** How often the answer was remembered, and how often the database was asked. */
  readonly lookups: { hits: number; misses: number }
}

type Options = {
  db: Db
  events: EventBus
  /** Whether notices of changes arrive just now. */
  isTrusted(): boolean
}

const maxEntries = 10_000
// A notice that got lost cannot keep a dead session alive for longer.
const maxAgeMilliseconds = 5000

/** Remembers the state of sessions until a notice says that it changed. */
export function createLivenessCache({ db, events, isTrusted }: Options): LivenessCache {
  const known = new LRUCache<string, Liveness>({ max: maxEntries, ttl: maxAgeMilliseconds })
  // Counts what was forgotten: a state read before that and arriving after it must not be remembered.
  let generation = 0
  const lookups = { hits: 0, misses: 0 }
  const reading = new Map<string, Reading>()

  events.on((notice) => {
    if (notice.type === 'session.ended') known.delete(notice.sessionId)
    else if (notice.type === 'user.changed') forgetUser(known, notice.userId)
    else if (notice.type === 'notices.missed') known.clear()
    // What is published to channels changes no account.
    else return
    generation++
  })

  async function read(sessionId: string, userId: string) {
    lookups.misses++
    const readAt = generation
    const state = await repo.liveness(db, sessionId, userId)
    if (state && readAt === generation && isTrusted()) known.set(sessionId, state)
    return state
  }

  /** A crowd that asks for the same at once causes one query; not one that began before a change. */
  function readOnce(sessionId: string, userId: string) {
    const underWay = reading.get(sessionId)
    if (isTrusted() && underWay?.generation === generation && underWay.userId === userId)
      return underWay.state
    const state = read(sessionId, userId).finally(() => {
      if (reading.get(sessionId)?.state === state) reading.delete(sessionId)
    })
    reading.set(sessionId, { generation, userId, state })
    return state
  }

  return {
    of(sessionId, userId) {
      const remembered = isTrusted() ? known.get(sessionId) : undefined
      if (remembered?.user.id !== userId) return readOnce(sessionId, userId)
      lookups.hits++
      return remembered
    },
    lookups,
  }
}

type Reading = { generation: number; userId: string; state: Promise<Liveness | null> }

function forgetUser(known: LRUCache<string, Liveness>, userId: string) {
  for (const [sessionId, { user }] of known.entries()) {
    if (user.id === userId) known.delete(sessionId)
  }
}
