import { sql } from 'drizzle-orm'
import type { EventBus } from '../core/event-bus'
import type { SharedEvent } from '../core/shared-events'
import type { Db } from './rows'

/** The channel that instances of fastkit listen on. */
export const notificationChannel = 'fastkit'

type Announcing = {
  db: Db
  events: EventBus
  afterCommit(work: () => void): void
}

/**
 * Tells every instance: this one right after the commit, the others by a NOTIFY that PostgreSQL sends only if the
 * transaction commits.
 */
export async function announce({ db, events, afterCommit }: Announcing, notice: SharedEvent): Promise<void> {
  const { instanceId } = events
  afterCommit(() => events.emit(notice))
  if (instanceId === null) return
  const payload = JSON.stringify({ from: instanceId, notice })
  await db.execute(sql`select pg_notify(${notificationChannel}, ${payload})`)
}
