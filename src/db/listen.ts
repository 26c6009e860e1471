import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import postgres from 'postgres'
import type { Bus } from '../core/bus'
import { noticeChannel } from './announce'

/** The link on which this instance hears of the others' changes. */
export type Listener = {
  /** False while a change elsewhere might go unheard: then nothing remembered may be trusted. */
  readonly isLive: boolean
  close(): Promise<void>
}

/** On the embedded database there is nobody else to hear of. */
export const solitary: Listener = { isLive: true, close: () => Promise.resolve() }

/** For a command that only speaks: it remembers nothing. */
export const deaf: Listener = { isLive: false, close: () => Promise.resolve() }

type Options = { url: string; instanceId: string; bus: Bus }

const heartbeatMilliseconds = 250
// A link that has not answered for this long is taken for dead, though its socket may still be open.
const silenceMilliseconds = 750
const retryMilliseconds = 100

const Message = Type.Object({
  from: Type.String(),
  notice: Type.Union([
    Type.Object({
      type: Type.Literal('session.ended'),
      sessionId: Type.String(),
      userId: Type.String(),
      reason: Type.String(),
    }),
    Type.Object({
      type: Type.Union([Type.Literal('user.changed'), Type.Literal('sockets.disconnected')]),
      userId: Type.String(),
    }),
    Type.Object({
      type: Type.Literal('channel.message'),
      channel: Type.String(),
      offset: Type.Integer(),
      message: Type.Union([
        Type.Null(),
        Type.Object({
          data: Type.Unknown(),
          fromUserId: Type.String(),
          socketId: Type.Union([Type.String(), Type.Null()]),
          sentAt: Type.String(),
        }),
      ]),
    }),
    Type.Object({
      type: Type.Union([Type.Literal('channel.joined'), Type.Literal('channel.left')]),
      channel: Type.String(),
      userId: Type.String(),
    }),
  ]),
})

/** Listens on a connection of its own and keeps asking it whether it lives. */
export function listen({ url, instanceId, bus }: Options): Listener {
  let answeredAt = Number.NEGATIVE_INFINITY
  let isListening = false
  let isClosed = false

  const hear = (_channel: string, payload: string) => {
    const message: unknown = JSON.parse(payload)
    if (Value.Check(Message, message) && message.from !== instanceId) bus.emit(message.notice)
  }
  const lose = () => {
    isListening = false
  }
  // postgres.js has both options and does not say so in its types.
  const hooks = { onnotify: hear, onclose: lose }
  const sql = postgres(url, {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    // A connection that dies while it asks for types would reject a promise that nobody can catch.
    fetch_types: false,
    connect_timeout: 5,
    backoff: () => retryMilliseconds / 1000,
    connection: { application_name: 'fastkit listener' },
    ...hooks,
  })

  async function beat() {
    const askedAt = performance.now()
    if (isListening) await sql`select 1`
    else {
      await sql`listen ${sql(noticeChannel)}`
      bus.emit({ type: 'notices.missed' })
      isListening = true
    }
    answeredAt = askedAt
  }

  async function keepBeating() {
    while (!isClosed) {
      await beat().catch(lose)
      await Bun.sleep(isListening ? heartbeatMilliseconds : retryMilliseconds)
    }
  }
  void keepBeating()

  return {
    get isLive() {
      return isListening && performance.now() - answeredAt < silenceMilliseconds
    },
    async close() {
      isClosed = true
      await sql.end({ timeout: 1 })
    },
  }
}
