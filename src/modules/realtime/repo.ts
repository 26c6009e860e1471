import { and, asc, countDistinct, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { type Db, deleteBatch, first } from '../../postgres/rows'
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

/** Deletes and returns a ticket, so that only one of several simultaneous requests gets it. */
export async function takeTicket(db: Db, ticketHash: Buffer): Promise<TicketRow | null> {
  return first(await db.delete(wsTickets).where(eq(wsTickets.ticketHash, ticketHash)).returning())
}

type Retention = { max: number; sentAfter: Date }

/** Appends a message, deletes the older ones of its channel beyond `max` or `sentAfter`, and returns its offset. */
export async function append(
  db: Db,
  message: Omit<MessageRow, 'offset'>,
  { max, sentAfter }: Retention,
): Promise<number> {
  const { channel, data, fromUserId, socketId } = message
  const sentAt = timestamptz(message.sentAt)
  const [row] = await db.execute<{ offset: string }>(sql`
    with counted as (
      insert into channels (name, last_offset, used_at) values (${channel}, 1, ${sentAt})
      on conflict (name) do update set last_offset = channels.last_offset + 1, used_at = excluded.used_at
      returning last_offset
    ), dropped as (
      delete from channel_messages using counted
      where channel = ${channel} and ("offset" <= counted.last_offset - ${max}::bigint or sent_at <= ${timestamptz(sentAfter)})
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

/** Messages after an offset, oldest first. */
export function messagesAfter(db: Db, { channel, offset, sentAfter, limit }: After): Promise<MessageRow[]> {
  return db
    .select()
    .from(channelMessages)
    .where(and(isKept(channel, sentAfter), gt(channelMessages.offset, offset)))
    .orderBy(asc(channelMessages.offset))
    .limit(limit)
}

type Before = { channel: string; before: number | null; sentAfter: Date; limit: number }

/** Newest first, up to `limit + 1` rows: the last one tells that there is another page. */
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

/** Records a heartbeat by the clock of the database, as those of machines differ. Returns false for a new instance. */
export async function touchInstance(db: Db, id: string): Promise<boolean> {
  const [row] = await db.execute<{ is_new: boolean }>(sql`
    insert into realtime_instances (id, seen_at) values (${id}::uuid, now())
    on conflict (id) do update set seen_at = now()
    returning xmax = 0 as is_new`)
  return row?.is_new === false
}

/** Instances without a heartbeat for `afterSeconds`. */
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

/** The sockets and members of the instance are deleted by cascade. */
export async function deleteInstance(db: Db, id: string) {
  await db.delete(realtimeInstances).where(eq(realtimeInstances.id, id))
}

type NewSocket = { id: string; userId: string; instanceId: string; max: number }

/** Takes a free slot of a user. Returns false when no slot is free, or another socket took it meanwhile. */
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

/** Counts the sockets of a user, or of all users. */
export const countSockets = (db: Db, userId: string | null): Promise<number> =>
  db.$count(realtimeSockets, userId === null ? undefined : eq(realtimeSockets.userId, userId))

type Member = { channel: string; userId: string; instanceId: string }

/** Serialises changes of one membership until the transaction ends. */
export async function lockMember(db: Db, { channel, userId }: Member) {
  await db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${channel} ${userId}`}, 0))`)
}

/** Whether a user is in a channel on any instance. */
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

/** Returns whether the member existed. */
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

/** Users in a channel, ordered by id. */
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

/** Deletes up to `limit` tickets that have expired. Returns their number. */
export const deleteExpiredTickets = (db: Db, now: Date, limit: number): Promise<number> =>
  deleteBatch(db, wsTickets, { key: wsTickets.ticketHash, column: wsTickets.expiresAt, before: now, limit })

/** Deletes up to `limit` messages that were sent before a time. Returns their number. */
export async function deleteMessages(db: Db, before: Date, limit: number): Promise<number> {
  // By ctid, because the key has two columns. A message is never updated, so its ctid is stable.
  const deleted = await db.execute(sql`
    delete from channel_messages where ctid = any(array(
      select ctid from channel_messages where sent_at < ${timestamptz(before)} order by sent_at limit ${limit}::int))
    returning 1`)
  return deleted.length
}

/** Deletes up to `limit` channels without a message since a time. Returns their number. */
export async function deleteChannels(db: Db, before: Date, limit: number): Promise<number> {
  const deleted = await db.execute(sql`
    delete from channels where name = any(array(
      select name from channels where used_at < ${timestamptz(before)} order by used_at limit ${limit}::int for update skip locked))
    returning 1`)
  return deleted.length
}

/** See docs/workarounds.md#drizzle-raw-dates. */
const timestamptz = (date: Date) => sql`${date.toISOString()}::timestamptz`
