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

/** What a connection needs of the socket below it. */
export type Wire = {
  sendText(text: string): number
  close(code: number, reason: string): void
  terminate(): void
  ping(): number
  getBufferedAmount(): number
}

/** One open socket. */
export type Connection = {
  readonly id: string
  readonly wire: Wire
  readonly openedAt: Date
  readonly traffic: SocketCounters
  /** What it asks for is done one after the other. */
  readonly queue: Queue
  /** Anonymous until it has signed in. */
  actor: UserActor | AnonymousActor
  /** Its credential is being looked at. */
  isSigningIn: boolean
  /** Whether it may have a row among the sockets. */
  hasSlot: boolean
  readonly channels: Set<string>
  errors: number
  /** Messages it may still send at once, at `countedAt`. */
  budget: number
  countedAt: Date
  /** When the token ends that `expiring` was sent for. */
  warnedExpiry: Date | null
  /** When to ask for a sign of life, and since when one is waited for. */
  pingAt: Date
  pingedAt: Date | null
  /** Told when a message it publishes right now takes its place among those it is sent. */
  acknowledge: ((channel: string, offset: number) => void) | null
  /** When to stop waiting for the other side's close; `null` while open. */
  endsAt: Date | null
}

type Opening = Pick<Connection, 'wire' | 'openedAt' | 'traffic' | 'actor'>

export const createConnection = ({ wire, openedAt, traffic, actor }: Opening): Connection => ({
  id: crypto.randomUUID(),
  wire,
  openedAt,
  traffic,
  queue: createQueue(maxQueued),
  actor,
  isSigningIn: false,
  hasSlot: false,
  channels: new Set(),
  errors: 0,
  budget: messageBurst,
  countedAt: openedAt,
  warnedExpiry: null,
  pingAt: secondsAfter(openedAt, pingSeconds),
  pingedAt: null,
  acknowledge: null,
  endsAt: null,
})

export function send(connection: Connection, message: ServerMessage, now: Date) {
  sendText(connection, JSON.stringify(message), now)
}

/** Sends, and closes a socket whose other side has not read the last megabyte. */
export function sendText(connection: Connection, text: string, now: Date) {
  if (connection.endsAt) return
  connection.traffic.sent++
  connection.wire.sendText(text)
  if (connection.wire.getBufferedAmount() > maxUnsentBytes) close(connection, 'cannotKeepUp', now)
}

/** Asks the other side to close; nothing is sent or heard any more. */
export const close = (connection: Connection, reason: CloseReason, now: Date) =>
  closeWith(connection, reason, { text: reason, now })

/** As `close` when the server goes away: the reason says how long to wait before connecting again. */
export function closeGoingAway(connection: Connection, waitMilliseconds: number, now: Date) {
  closeWith(connection, 'goingAway', { text: `goingAway, retry in ${waitMilliseconds} ms`, now })
}

function closeWith(connection: Connection, reason: CloseReason, { text, now }: { text: string; now: Date }) {
  if (connection.endsAt) return
  connection.endsAt = secondsAfter(now, closeSeconds)
  connection.queue.clear()
  connection.wire.close(closeCodes[reason].code, text)
}

/** Counts a message against the rate; false when it is one too many. */
export function takeToken(connection: Connection, now: Date): boolean {
  const elapsedSeconds = Math.max(0, now.getTime() - connection.countedAt.getTime()) / 1000
  connection.budget = Math.min(messageBurst, connection.budget + elapsedSeconds * messagesPerSecond) - 1
  connection.countedAt = now
  return connection.budget >= 0
}

/** The other side lives. */
export function recordActivity(connection: Connection, now: Date) {
  connection.pingedAt = null
  connection.pingAt = secondsAfter(now, pingSeconds)
}
