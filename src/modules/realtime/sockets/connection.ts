import type { AnonymousActor, UserActor } from '../../../core/actor'
import { secondsAfter } from '../../../core/clock'
import {
  closeSeconds,
  maxQueued,
  maxUnsentBytes,
  messageBurst,
  messagesPerSecond,
  pingSeconds,
} from '../limits'
import { type CloseReason, closeCodes, type ServerMessage } from '../messages'
import { createQueue, type Queue } from './serial-queue'
import type { SocketCounters } from './socket-counters'

/** The part of Bun's socket that connections use. */
export type RawSocket = {
  sendText(text: string): number
  close(code: number, reason: string): void
  terminate(): void
  ping(): number
  getBufferedAmount(): number
}

/** One open socket. */
export type Connection = {
  readonly id: string
  readonly socket: RawSocket
  readonly openedAt: Date
  readonly traffic: SocketCounters
  /** Handles the messages of the socket one at a time. */
  readonly queue: Queue
  /** Anonymous until the socket is signed in. */
  actor: UserActor | AnonymousActor
  /** Whether its credential is being checked. The `auth` timeout does not apply meanwhile. */
  isSigningIn: boolean
  /** Whether it may have a row in the table of sockets. */
  hasSlot: boolean
  readonly channels: Set<string>
  errors: number
  /** The token bucket of the rate limit, as of `refilledAt`. */
  tokens: number
  refilledAt: Date
  /** The expiry of the token that `expiring` was sent for. */
  warnedExpiry: Date | null
  nextPingAt: Date
  /** The time of a ping without a pong; `null` when no pong is due. */
  pingSentAt: Date | null
  /** Called when delivery reaches the message that this socket is publishing. */
  acknowledge: ((channel: string, offset: number) => void) | null
  /** When a closing socket is terminated; `null` while it is open. */
  closeDeadline: Date | null
}

type Opening = Pick<Connection, 'socket' | 'openedAt' | 'traffic' | 'actor'>

export const createConnection = ({ socket, openedAt, traffic, actor }: Opening): Connection => ({
  id: crypto.randomUUID(),
  socket,
  openedAt,
  traffic,
  queue: createQueue(maxQueued),
  actor,
  isSigningIn: false,
  hasSlot: false,
  channels: new Set(),
  errors: 0,
  tokens: messageBurst,
  refilledAt: openedAt,
  warnedExpiry: null,
  nextPingAt: secondsAfter(openedAt, pingSeconds),
  pingSentAt: null,
  acknowledge: null,
  closeDeadline: null,
})

export function send(connection: Connection, message: ServerMessage, now: Date) {
  sendText(connection, JSON.stringify(message), now)
}

/** Closes the socket of a client that reads too slowly. See docs/workarounds.md#bun-ws-send. */
export function sendText(connection: Connection, text: string, now: Date) {
  if (connection.closeDeadline) return
  connection.traffic.sent++
  connection.socket.sendText(text)
  if (connection.socket.getBufferedAmount() > maxUnsentBytes) close(connection, 'cannotKeepUp', now)
}

/** Starts the closing handshake. After it, messages are neither sent nor handled. */
export const close = (connection: Connection, reason: CloseReason, now: Date) =>
  closeWith(connection, reason, { text: reason, now })

/** As `close`, at shutdown. The reason contains the delay before the client should reconnect. */
export function closeGoingAway(connection: Connection, waitMilliseconds: number, now: Date) {
  closeWith(connection, 'goingAway', { text: `goingAway, retry in ${waitMilliseconds} ms`, now })
}

function closeWith(connection: Connection, reason: CloseReason, { text, now }: { text: string; now: Date }) {
  if (connection.closeDeadline) return
  connection.closeDeadline = secondsAfter(now, closeSeconds)
  connection.queue.clear()
  connection.socket.close(closeCodes[reason].code, text)
}

/** Takes a token from the bucket. Returns false when the rate limit is exceeded. */
export function takeToken(connection: Connection, now: Date): boolean {
  const elapsedSeconds = Math.max(0, now.getTime() - connection.refilledAt.getTime()) / 1000
  connection.tokens = Math.min(messageBurst, connection.tokens + elapsedSeconds * messagesPerSecond) - 1
  connection.refilledAt = now
  return connection.tokens >= 0
}

/** Records that the client is alive, and postpones the next ping. */
export function recordActivity(connection: Connection, now: Date) {
  connection.pingSentAt = null
  connection.nextPingAt = secondsAfter(now, pingSeconds)
}
