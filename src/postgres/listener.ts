import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import postgres, { type Sql } from 'postgres'
import type { EventBus } from '../core/event-bus'
import { SharedEvent } from '../core/shared-events'
import { notificationChannel } from './announce'

/** The link on which this instance hears of the others' changes. */
export type Listener = {
  /** False while a change elsewhere might go unheard: then nothing remembered may be trusted. */
  readonly isLive: boolean
  close(): Promise<void>
}

/** On the embedded database there is nobody else to hear of. */
export const noopListener: Listener = { isLive: true, close: () => Promise.resolve() }

/** For a command that only speaks: it remembers nothing. */
export const disconnectedListener: Listener = { isLive: false, close: () => Promise.resolve() }

type Options = { url: string; instanceId: string; bus: EventBus }

const heartbeatMilliseconds = 250
// A link that has not answered for this long is taken for dead, though its socket may still be open.
const silenceMilliseconds = 750
// And for this long, for lost: another is made.
const overdueMilliseconds = 3000
const firstRetryMilliseconds = 100
const maxRetryMilliseconds = 1000

const Message = Type.Object({ from: Type.String(), notice: SharedEvent })

/** Listens on a connection of its own and keeps asking it whether it lives. */
export function listen({ url, instanceId, bus }: Options): Listener {
  let answeredAt = Number.NEGATIVE_INFINITY
  let isListening = false
  let isClosed = false
  const hear = (payload: string) => {
    const message = read(payload)
    // A newer version tells of what this one does not know: it may be about anything.
    if (!message) bus.emit({ type: 'notices.missed' })
    else if (message.from !== instanceId) bus.emit(message.notice)
  }
  const lose = (closed: Sql) => {
    if (closed === link) isListening = false
  }
  let link = openLink(url, hear, lose)

  async function beat() {
    const askedAt = performance.now()
    const asked = link
    if (isListening) await asked`select 1`
    else {
      await asked`listen ${asked(notificationChannel)}`
      // Too late: another has taken its place, and that does not listen yet.
      if (asked !== link) return
      bus.emit({ type: 'notices.missed' })
      isListening = true
    }
    answeredAt = askedAt
  }
  // The same client is never used again: see `createPool`. A silent one may have been forgotten by the other side.
  const replace = () => {
    isListening = false
    void link.end({ timeout: 0 })
    link = openLink(url, hear, lose)
  }
  void keepAlive({ beat, replace, isClosed: () => isClosed })

  return {
    get isLive() {
      return isListening && performance.now() - answeredAt < silenceMilliseconds
    },
    async close() {
      isClosed = true
      await link.end({ timeout: 1 })
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

function openLink(url: string, onMessage: (payload: string) => void, onClose: (link: Sql) => void): Sql {
  // postgres.js has both options and does not say so in its types.
  const hooks = {
    onnotify: (_channel: string, payload: string) => onMessage(payload),
    onclose: () => onClose(link),
  }
  const link = postgres(url, {
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
  return link
}

type Pulse = { beat(): Promise<void>; replace(): void; isClosed(): boolean }

async function keepAlive({ beat, replace, isClosed }: Pulse) {
  let pause = firstRetryMilliseconds
  while (!isClosed()) {
    try {
      await Promise.race([beat(), overdue()])
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
  await Bun.sleep(overdueMilliseconds)
  throw new Error('no answer')
}

const ignored = () => {
  // Notices would go to standard output, which belongs to the log.
}
