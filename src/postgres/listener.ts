import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import postgres, { type Sql } from 'postgres'
import type { EventBus } from '../core/event-bus'
import { SharedEvent } from '../core/shared-events'
import { notificationChannel } from './announce'

/** The connection on which this instance receives the others' changes. */
export type Listener = {
  /** False while a change elsewhere might be missed: then no cache may be trusted. */
  readonly isLive: boolean
  close(): Promise<void>
}

/** The embedded database has no other instances. */
export const noopListener: Listener = { isLive: true, close: () => Promise.resolve() }

/** For a command that only sends: it caches nothing. */
export const disconnectedListener: Listener = { isLive: false, close: () => Promise.resolve() }

type Options = { url: string; instanceId: string; bus: EventBus }

const heartbeatMilliseconds = 250
// A connection that is silent for this long counts as dead, though its socket may still be open.
const heartbeatTimeoutMilliseconds = 750
// After this long it is replaced.
const reconnectAfterMilliseconds = 3000
const firstRetryMilliseconds = 100
const maxRetryMilliseconds = 1000

const Message = Type.Object({ from: Type.String(), notice: SharedEvent })

/** Listens on a connection of its own and sends heartbeats on it. */
export function listen({ url, instanceId, bus }: Options): Listener {
  let confirmedAt = Number.NEGATIVE_INFINITY
  let isListening = false
  let isClosed = false
  const onNotification = (payload: string) => {
    const message = read(payload)
    // A newer version tells of what this one does not know: it may be about anything.
    if (!message) bus.emit({ type: 'events.missed' })
    else if (message.from !== instanceId) bus.emit(message.notice)
  }
  const onClose = (closed: Sql) => {
    if (closed === connection) isListening = false
  }
  let connection = openConnection(url, onNotification, onClose)

  async function heartbeat() {
    const askedAt = performance.now()
    const asked = connection
    if (isListening) await asked`select 1`
    else {
      await asked`listen ${asked(notificationChannel)}`
      // Too late: it was replaced, and the new one does not listen yet.
      if (asked !== connection) return
      bus.emit({ type: 'events.missed' })
      isListening = true
    }
    confirmedAt = askedAt
  }
  // The same client is never used again: see `createPool`. A silent one may have been forgotten by the other side.
  const replace = () => {
    isListening = false
    void connection.end({ timeout: 0 })
    connection = openConnection(url, onNotification, onClose)
  }
  void keepAlive({ heartbeat, replace, isClosed: () => isClosed })

  return {
    get isLive() {
      return isListening && performance.now() - confirmedAt < heartbeatTimeoutMilliseconds
    },
    async close() {
      isClosed = true
      await connection.end({ timeout: 1 })
    },
  }
}

function read(payload: string) {
  try {
    const message: unknown = JSON.parse(payload)
    return Value.Check(Message, message) ? message : null
  } catch {
    return null
  }
}

function openConnection(
  url: string,
  onMessage: (payload: string) => void,
  onClose: (connection: Sql) => void,
): Sql {
  // postgres.js has both options and does not say so in its types.
  const hooks = {
    onnotify: (_channel: string, payload: string) => onMessage(payload),
    onclose: () => onClose(connection),
  }
  const connection = postgres(url, {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    // A connection that dies while it asks for types would reject a promise that nobody can catch.
    fetch_types: false,
    connect_timeout: 5,
    onnotice: ignored,
    connection: { application_name: 'fastkit listener' },
    ...hooks,
  })
  return connection
}

type KeepAlive = { heartbeat(): Promise<void>; replace(): void; isClosed(): boolean }

async function keepAlive({ heartbeat, replace, isClosed }: KeepAlive) {
  let pause = firstRetryMilliseconds
  while (!isClosed()) {
    try {
      await Promise.race([heartbeat(), overdue()])
      pause = firstRetryMilliseconds
      await Bun.sleep(heartbeatMilliseconds)
    } catch {
      if (isClosed()) return
      replace()
      await Bun.sleep(pause)
      pause = Math.min(pause * 2, maxRetryMilliseconds)
    }
  }
}

async function overdue(): Promise<never> {
  await Bun.sleep(reconnectAfterMilliseconds)
  throw new Error('no reply')
}

const ignored = () => {
  // Notices would go to standard output, which belongs to the log.
}
