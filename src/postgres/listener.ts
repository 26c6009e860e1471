import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import postgres, { type Sql } from 'postgres'
import type { EventBus } from '../core/event-bus'
import { SharedEvent } from '../core/shared-events'
import { notificationChannel } from './announce'
import { sessionSettings } from './database'
import { acceptsWrites } from './probe'

/** The connection on which this instance receives the changes that other instances make. */
export type Listener = {
  /** False while a change of another instance could be missed. Caches must not be trusted then. */
  readonly isLive: boolean
  close(): Promise<void>
}

/** For the embedded database, which has one instance. See docs/workarounds.md#pglite-socket-listen. */
export const noopListener: Listener = { isLive: true, close: () => Promise.resolve() }

/** For a command, which sends events and caches nothing. */
export const disconnectedListener: Listener = { isLive: false, close: () => Promise.resolve() }

type Options = { url: string; instanceId: string; events: EventBus }

const heartbeatMilliseconds = 250
// A connection that is silent for this long counts as dead, even if its socket is still open.
const heartbeatTimeoutMilliseconds = 750
// After this time it is replaced.
const reconnectAfterMilliseconds = 3000
const firstRetryMilliseconds = 100
const maxRetryMilliseconds = 1000

const Message = Type.Object({ from: Type.String(), notice: SharedEvent })

/** Listens on a separate connection and sends heartbeats on it. See docs/workarounds.md#postgres-listen. */
export function listen({ url, instanceId, events }: Options): Listener {
  let confirmedAt = Number.NEGATIVE_INFINITY
  let isListening = false
  let isClosed = false
  const onNotification = (payload: string) => {
    const message = parseMessage(payload)
    // A newer version may send an event that this one does not know, and any cache may be stale.
    if (!message) events.emit({ type: 'events.missed' })
    else if (message.from !== instanceId) events.emit(message.notice)
  }
  const onClose = (closed: Sql) => {
    if (closed === connection) isListening = false
  }
  let connection = openConnection(url, onNotification, onClose)

  async function heartbeat() {
    const sentAt = performance.now()
    const target = connection
    if (!(await acceptsWrites(target))) throw new Error('the server is read-only')
    if (!isListening) {
      await target`listen ${target(notificationChannel)}`
      // The connection was replaced meanwhile, and the new one does not listen yet.
      if (target !== connection) return
      events.emit({ type: 'events.missed' })
      isListening = true
    }
    confirmedAt = sentAt
  }
  // A client is never used again after a failure: see `createPool`. The server may have forgotten a silent connection.
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

function parseMessage(payload: string) {
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
  // Both options are missing in the types of postgres.js.
  const hooks = {
    onnotify: (_channel: string, payload: string) => onMessage(payload),
    onclose: () => onClose(connection),
  }
  const connection = postgres(url, {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    // See docs/workarounds.md#postgres-fetch-types.
    fetch_types: false,
    connect_timeout: 5,
    onnotice: ignoreNotice,
    connection: { ...sessionSettings, application_name: 'fastkit listener' },
    ...hooks,
  })
  return connection
}

type KeepAlive = { heartbeat(): Promise<void>; replace(): void; isClosed(): boolean }

async function keepAlive({ heartbeat, replace, isClosed }: KeepAlive) {
  let pause = firstRetryMilliseconds
  while (!isClosed()) {
    try {
      await Promise.race([heartbeat(), rejectWhenOverdue()])
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

async function rejectWhenOverdue(): Promise<never> {
  await Bun.sleep(reconnectAfterMilliseconds)
  throw new Error('no reply')
}

const ignoreNotice = () => {
  // By default postgres.js prints notices to standard output, which is the log.
}
