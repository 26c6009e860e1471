import { and, asc, countDistinct, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { type Db, first } from '../../postgres/rows'
import {
  channelMembers,
  channelMessages,
  channels,
  type MessageRow,
  realtimeInstances,
  realtimeSockets,
  type TicketRow,
  wsTickets,
} from './table'

export async function insertTicket(db: Db, ticket: TicketRow) {
  await db.insert(wsTickets).values(ticket)
}

/** Takes a ticket out; of many who try, one gets it. */
export async function takeTicket(db: Db, ticketHash: Buffer): Promise<TicketRow | null> {
  return first(await db.delete(wsTickets).where(eq(wsTickets.ticketHash, ticketHash)).returning())
}

type Retention = { max: number; sentAfter: Date }

/** Adds a message under the next offset of its channel, drops what is beyond `max` or older, and answers the offset. */
export async function append(
  db: Db,
  message: Omit<MessageRow, 'offset'>,
  { max, sentAfter }: Retention,
): Promise<number> {
  const { channel, data, fromUserId, socketId } = message
  const sentAt = sql`${message.sentAt.toISOString()}::timestamptz`
  const [row] = await db.execute<{ offset: string }>(sql`
    with counted as (
      insert into channels (name, last_offset, used_at) values (${channel}, 1, ${sentAt})
      on conflict (name) do update set last_offset = channels.last_offset + 1, used_at = excluded.used_at
      returning last_offset
    ), dropped as (
      delete from channel_messages using counted
      where channel = ${channel} and ("offset" <= counted.last_offset - ${max}::bigint or sent_at <= ${at(sentAfter)})
    )
    insert into channel_messages (channel, "offset", data, from_user_id, socket_id, sent_at)
    select ${channel}, last_offset, ${JSON.stringify(data)}::jsonb, ${fromUserId}::uuid, ${socketId}::uuid, ${sentAt}
    from counted
    returning "offset"`)
  return Number(row?.offset)
}

/** The offset of the latest message; 0 before the first. */
export async function lastOffset(db: Db, channel: string): Promise<number> {
  const rows = await db
    .select({ lastOffset: channels.lastOffset })
    .from(channels)
    .where(eq(channels.name, channel))
  return first(rows)?.lastOffset ?? 0
}

type After = { channel: string; offset: number; sentAfter: Date; limit: number }

/** Messages after an offset, in order. */
export function after(db: Db, { channel, offset, sentAfter, limit }: After): Promise<MessageRow[]> {
  return db
    .select()
    .from(channelMessages)
    .where(and(isKept(channel, sentAfter), gt(channelMessages.offset, offset)))
    .orderBy(asc(channelMessages.offset))
    .limit(limit)
}

type Before = { channel: string; before: number | null; sentAfter: Date; limit: number }

/** Messages, newest first; one more than `limit`, when there is one. */
export function history(db: Db, { channel, before, sentAfter, limit }: Before): Promise<MessageRow[]> {
  return db
    .select()
    .from(channelMessages)
    .where(and(isKept(channel, sentAfter), before === null ? undefined : lt(channelMessages.offset, before)))
    .orderBy(desc(channelMessages.offset))
    .limit(limit + 1)
}

const isKept = (channel: string, sentAfter: Date) =>
  and(eq(channelMessages.channel, channel), gt(channelMessages.sentAt, sentAfter))

/** Says that an instance lives, by the database's clock: the machines' may differ. Answers whether it was known. */
export async function touchInstance(db: Db, id: string): Promise<boolean> {
  const [row] = await db.execute<{ is_new: boolean }>(sql`
    insert into realtime_instances (id, seen_at) values (${id}::uuid, now())
    on conflict (id) do update set seen_at = now()
    returning xmax = 0 as is_new`)
  return row?.is_new === false
}

/** Instances that have not been seen for a while. */
export async function deadInstances(db: Db, afterSeconds: number): Promise<string[]> {
  const rows = await db
    .select({ id: realtimeInstances.id })
    .from(realtimeInstances)
    .where(lt(realtimeInstances.seenAt, sql`now() - make_interval(secs => ${afterSeconds})`))
  return rows.map(({ id }) => id)
}

export async function instances(db: Db): Promise<string[]> {
  return (await db.select({ id: realtimeInstances.id }).from(realtimeInstances)).map(({ id }) => id)
}

/** Forgets an instance with its sockets. */
export async function deleteInstance(db: Db, id: string) {
  await db.delete(realtimeInstances).where(eq(realtimeInstances.id, id))
}

type NewSocket = { id: string; userId: string; instanceId: string; max: number }

/** Takes one of the places of a user; false when it was taken meanwhile or there is none. */
export async function insertSocket(db: Db, { id, userId, instanceId, max }: NewSocket): Promise<boolean> {
  const rows = await db.execute(sql`
    insert into realtime_sockets (id, user_id, slot, instance_id)
    select ${id}::uuid, ${userId}::uuid, slot, ${instanceId}::uuid from generate_series(1, ${max}::int) slot
    where not exists (select 1 from realtime_sockets taken where taken.user_id = ${userId}::uuid and taken.slot = slot.slot)
    order by random() limit 1
    on conflict do nothing
    returning id`)
  return rows.length === 1
}

export async function deleteSockets(db: Db, ids: string[]) {
  await db.delete(realtimeSockets).where(inArray(realtimeSockets.id, ids))
}

/** How many sockets a user has, or everyone together. */
export const countSockets = (db: Db, userId: string | null): Promise<number> =>
  db.$count(realtimeSockets, userId === null ? undefined : eq(realtimeSockets.userId, userId))

type Member = { channel: string; userId: string; instanceId: string }

/** Within the transaction, nobody else changes whether this user is in this channel. */
export async function lockMember(db: Db, { channel, userId }: Member) {
  await db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${channel} ${userId}`}, 0))`)
}

/** Whether a user is in a channel, on whatever instance. */
export async function isMember(db: Db, { channel, userId }: Omit<Member, 'instanceId'>): Promise<boolean> {
  const rows = await db
    .select({ channel: channelMembers.channel })
    .from(channelMembers)
    .where(and(eq(channelMembers.channel, channel), eq(channelMembers.userId, userId)))
    .limit(1)
  return rows.length > 0
}

export async function insertMember(db: Db, member: Member) {
  await db.insert(channelMembers).values(member).onConflictDoNothing()
}

/** Answers whether there was such a member. */
export async function deleteMember(db: Db, { channel, userId, instanceId }: Member): Promise<boolean> {
  const which = and(
    eq(channelMembers.channel, channel),
    eq(channelMembers.userId, userId),
    eq(channelMembers.instanceId, instanceId),
  )
  const deleted = await db.delete(channelMembers).where(which).returning({ userId: channelMembers.userId })
  return deleted.length > 0
}

export const membersOfInstance = (db: Db, instanceId: string): Promise<Member[]> =>
  db.select().from(channelMembers).where(eq(channelMembers.instanceId, instanceId))

/** Users in a channel, in a fixed order. */
export async function members(db: Db, channel: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectDistinct({ userId: channelMembers.userId })
    .from(channelMembers)
    .where(eq(channelMembers.channel, channel))
    .orderBy(asc(channelMembers.userId))
    .limit(limit)
  return rows.map(({ userId }) => userId)
}

export async function countMembers(db: Db, channel: string): Promise<number> {
  const rows = await db
    .select({ count: countDistinct(channelMembers.userId) })
    .from(channelMembers)
    .where(eq(channelMembers.channel, channel))
  return first(rows)?.count ?? 0
}

type Outdated = { ticketsBefore: Date; messagesBefore: Date; channelsBefore: Date; limit: number }

/** Deletes up to `limit` rows of each kind; answers how many. */
export async function deleteOutdated(
  db: Db,
  { ticketsBefore, messagesBefore, channelsBefore, limit }: Outdated,
): Promise<number> {
  const deleted = await db.execute(sql`
    with tickets as (
      delete from ws_tickets where ticket_hash in
        (select ticket_hash from ws_tickets where expires_at < ${at(ticketsBefore)} limit ${limit}::int) returning 1
    ), messages as (
      delete from channel_messages where (channel, "offset") in
        (select channel, "offset" from channel_messages where sent_at < ${at(messagesBefore)} limit ${limit}::int) returning 1
    ), idle as (
      delete from channels where name in
        (select name from channels where used_at < ${at(channelsBefore)} limit ${limit}::int for update skip locked) returning 1
    )
    select * from tickets union all select * from messages union all select * from idle`)
  return deleted.length
}

/** Raw statements bypass Drizzle's columns, so a moment is given as text with its zone. */
const at = (moment: Date) => sql`${moment.toISOString()}::timestamptz`
