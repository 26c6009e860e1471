import { requireAdmin, requireUser, type UserActor } from '../../core/actor'
import { secondsAfter } from '../../core/clock'
import { fail } from '../../core/errors'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import { assertPostgresText } from '../../core/postgres-text'
import { hasRole } from '../../core/roles'
import type { Deps } from '../../deps'
import type { PageQuery } from '../../http/pagination-schemas'
import { announce } from '../../postgres/announce'
import { withTransaction } from '../../postgres/transaction'
import { assertPermission, systemChannel } from './channels'
import {
  historyMessages,
  historySeconds,
  idleChannelDays,
  maxInlineBytes,
  maxPresenceUsers,
  messageRowBytes,
} from './limits'
import * as repo from './repo'
import type { ChannelMessage, Presence } from './schema'
import type { MessageRow } from './table'

type Publishing = {
  channel: string
  data: unknown
  /** The publishing socket, which does not receive its own message; `null` over HTTP. */
  socketId: string | null
}

/** Publishes to a channel. Throws `forbidden`, `rate_limited`, and `validation_failed` for text that cannot be stored. */
export async function publish(
  deps: Deps,
  actor: UserActor,
  { channel, data, socketId }: Publishing,
): Promise<ChannelMessage> {
  const { userId: fromUserId } = requireUser(actor)
  assertPermission(actor, 'publish', channel)
  assertPostgresText(data)
  const message = { channel, data, fromUserId, socketId, sentAt: deps.clock.now() }
  const bytes = Buffer.byteLength(JSON.stringify(data))
  await deps.limits.use('published_bytes', fromUserId, bytes + messageRowBytes)
  return withTransaction(deps, async (deps) => {
    const sentAfter = secondsAfter(message.sentAt, -historySeconds)
    const offset = await repo.append(deps.db, message, { max: historyMessages, sentAfter })
    if (offset === 1) await deps.limits.use('new_channels', fromUserId)
    const content = isInline(deps, bytes) ? inlineOf(message) : null
    await announce(deps, { type: 'channel.message', channel, offset, message: content })
    return present({ ...message, offset })
  })
}

/** Publishes to all sockets and returns their number. Throws `forbidden`. */
export async function broadcast(deps: Deps, actor: UserActor, data: unknown): Promise<number> {
  await publish(deps, actor, { channel: systemChannel, data, socketId: null })
  return repo.countSockets(deps.db, null)
}

/** Closes the sockets of a user on all instances and returns their number. Throws `forbidden`. */
export async function disconnect(deps: Deps, actor: UserActor, userId: string): Promise<number> {
  requireAdmin(actor)
  const count = await repo.countSockets(deps.db, userId)
  await announce(deps, { type: 'sockets.disconnected', userId })
  deps.log.info({ actorId: actor.userId, targetId: userId, count }, 'realtime.user_disconnected')
  return count
}

const offsetPattern = /^\d{1,15}$/

/** The history of a channel, newest first. Throws `forbidden`, and `validation_failed` for a cursor of another list. */
export async function history(
  deps: Deps,
  actor: UserActor,
  { channel, ...query }: PageQuery & { channel: string },
): Promise<Page<ChannelMessage>> {
  assertPermission(requireUser(actor), 'history', channel)
  const { before, limit } = pageRequest(query, offsetPattern)
  const sentAfter = secondsAfter(deps.clock.now(), -historySeconds)
  const rows = await repo.history(deps.db, {
    channel,
    before: before === null ? null : Number(before),
    sentAfter,
    limit,
  })
  return pageOf(
    rows.map((row) => ({ ...row, id: String(row.offset) })),
    limit,
    present,
  )
}

/** The users in a channel, for its members and admins. Throws `forbidden`. */
export async function presence(deps: Deps, actor: UserActor, channel: string): Promise<Presence> {
  const { userId, role } = requireUser(actor)
  assertPermission(actor, 'presence', channel)
  const isAllowed = hasRole(role, 'admin') || (await repo.isMember(deps.db, { channel, userId }))
  if (!isAllowed) throw fail('forbidden')
  const userIds = await repo.members(deps.db, channel, maxPresenceUsers)
  const isComplete = userIds.length < maxPresenceUsers
  const count = isComplete ? userIds.length : await repo.countMembers(deps.db, channel)
  return { channel, users: userIds.map((user_id) => ({ user_id })), count }
}

/** Deletes up to `limit` expired tickets. Returns their number. */
export const sweepTickets = (deps: Deps, limit: number): Promise<number> =>
  repo.deleteExpiredTickets(deps.db, deps.clock.now(), limit)

/** Deletes up to `limit` messages that left the history. Returns their number. */
export const sweepMessages = (deps: Deps, limit: number): Promise<number> =>
  repo.deleteMessages(deps.db, secondsAfter(deps.clock.now(), -historySeconds), limit)

/** Deletes up to `limit` channels without a message for days. Returns their number. */
export const sweepChannels = (deps: Deps, limit: number): Promise<number> =>
  repo.deleteChannels(deps.db, secondsAfter(deps.clock.now(), -idleChannelDays * 86_400), limit)

/** True when the event carries the message: within one process, or when it fits into NOTIFY. */
const isInline = ({ events }: Deps, bytes: number) => events.instanceId === null || bytes <= maxInlineBytes

const inlineOf = ({ data, fromUserId, socketId, sentAt }: Omit<MessageRow, 'offset'>) => ({
  data,
  fromUserId,
  socketId,
  sentAt: sentAt.toISOString(),
})

const present = (row: MessageRow): ChannelMessage => ({
  channel: row.channel,
  offset: row.offset,
  data: row.data,
  from: { user_id: row.fromUserId },
  sent_at: row.sentAt.toISOString(),
})
