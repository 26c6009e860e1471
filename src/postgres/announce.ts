import { sql } from 'drizzle-orm'
import type { EventBus } from '../core/event-bus'
import type { SharedEvent } from '../core/shared-events'
import type { Db } from './rows'

/** The channel that instances of fastkit listen on. */
export const notificationChannel = 'fastkit'

type AnnounceDeps = {
  db: Db
  events: EventBus
  afterCommit(work: () => void): void
}

/**
 * Delivers an event to every instance: to this one right after the commit, to the others by NOTIFY, which PostgreSQL
 * sends only if the transaction commits. See docs/workarounds.md#pglite-socket-listen.
 */
export async function announce({ db, events, afterCommit }: AnnounceDeps, event: SharedEvent): Promise<void> {
  const { instanceId } = events
  afterCommit(() => events.emit(event))
  if (instanceId === null) return
  const payload = JSON.stringify({ from: instanceId, notice: event })
  await db.execute(sql`select pg_notify(${notificationChannel}, ${payload})`)
}
