import { LRUCache } from 'lru-cache'
import type { EventBus } from '../../core/event-bus'
import type { MaybePromise } from '../../core/maybe-promise'
import type { Db } from '../../postgres/rows'
import * as repo from './repo'

/** The state that decides whether an access token is still valid, and the profile of its user. */
type Liveness = NonNullable<Awaited<ReturnType<typeof repo.liveness>>>

export type LivenessCache = {
  /** Returns the state of a session and its user; `null` when either is deleted. Throws `database_unavailable`. */
  of(sessionId: string, userId: string): MaybePromise<Liveness | null>
  /** The number of lookups that the cache served, and of those that read the database. */
  readonly lookups: { hits: number; misses: number }
}

type Options = {
  db: Db
  events: EventBus
  /** Whether events of other instances arrive. Without them, cached states are not trusted. */
  isTrusted(): boolean
}

const maxEntries = 10_000
// A lost event cannot keep a revoked session valid for longer than this.
const maxAgeMilliseconds = 5000

/** Caches the state of sessions until an event says that it changed. */
export function createLivenessCache({ db, events, isTrusted }: Options): LivenessCache {
  const cache = new LRUCache<string, Liveness>({ max: maxEntries, ttl: maxAgeMilliseconds })
  // Grows with each invalidation. A state that was read before an invalidation must not be cached after it.
  let generation = 0
  const lookups = { hits: 0, misses: 0 }
  const pendingReads = new Map<string, PendingRead>()

  events.on((event) => {
    if (event.type === 'session.ended') cache.delete(event.sessionId)
    else if (event.type === 'user.changed') evictUser(cache, event.userId)
    else if (event.type === 'events.missed') cache.clear()
    // The other events change no session.
    else return
    generation++
  })

  async function read(sessionId: string, userId: string) {
    lookups.misses++
    const readAt = generation
    const state = await repo.liveness(db, sessionId, userId)
    if (state && readAt === generation && isTrusted()) cache.set(sessionId, state)
    return state
  }

  /** Lookups of one session at the same time share a query, unless it began before an invalidation. */
  function readOnce(sessionId: string, userId: string) {
    const pending = pendingReads.get(sessionId)
    if (isTrusted() && pending?.generation === generation && pending.userId === userId) return pending.state
    const state = read(sessionId, userId).finally(() => {
      if (pendingReads.get(sessionId)?.state === state) pendingReads.delete(sessionId)
    })
    pendingReads.set(sessionId, { generation, userId, state })
    return state
  }

  return {
    of(sessionId, userId) {
      const cached = isTrusted() ? cache.get(sessionId) : undefined
      if (cached?.user.id !== userId) return readOnce(sessionId, userId)
      lookups.hits++
      return cached
    },
    lookups,
  }
}

type PendingRead = { generation: number; userId: string; state: Promise<Liveness | null> }

function evictUser(cache: LRUCache<string, Liveness>, userId: string) {
  for (const [sessionId, { user }] of cache.entries()) {
    if (user.id === userId) cache.delete(sessionId)
  }
}
