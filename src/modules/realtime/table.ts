import {
  bigint,
  foreignKey,
  index,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytes, id, moment } from '../../postgres/columns'
import { sessions } from '../sessions/table'

/** One-time tickets. Using a ticket deletes its row. */
export const wsTickets = pgTable(
  'ws_tickets',
  {
    ticketHash: bytes('ticket_hash').primaryKey(),
    sessionId: uuid('session_id').notNull(),
    userId: uuid('user_id').notNull(),
    tokenExpiresAt: moment('token_expires_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'ws_tickets_session_id_fkey',
      columns: [table.sessionId],
      foreignColumns: [sessions.id],
    }).onDelete('cascade'),
    index('ws_tickets_session_id_idx').on(table.sessionId),
    index('ws_tickets_expires_at_idx').on(table.expiresAt),
  ],
)

/** One row for each used channel. The row lock orders messages: the next publisher waits for the commit. */
export const channels = pgTable(
  'channels',
  {
    name: text('name').primaryKey(),
    lastOffset: bigint('last_offset', { mode: 'number' }).notNull(),
    usedAt: moment('used_at').notNull(),
  },
  (table) => [index('channels_used_at_idx').on(table.usedAt)],
)

/** The history of channels. There are no foreign keys: a message may outlive the account of its author by a day. */
export const channelMessages = pgTable(
  'channel_messages',
  {
    channel: text('channel').notNull(),
    offset: bigint('offset', { mode: 'number' }).notNull(),
    data: jsonb('data').$type<unknown>(),
    fromUserId: uuid('from_user_id').notNull(),
    // The publishing socket does not receive its own message.
    socketId: uuid('socket_id'),
    sentAt: moment('sent_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'channel_messages_pkey', columns: [table.channel, table.offset] }),
    index('channel_messages_sent_at_idx').on(table.sentAt),
  ],
)

/** Processes that have sockets. An instance without heartbeats is removed together with its sockets. */
export const realtimeInstances = pgTable('realtime_instances', {
  id: id(),
  seenAt: moment('seen_at').notNull(),
})

/** Open sockets. The unique slots limit the sockets of a user, also when several open at once. */
export const realtimeSockets = pgTable(
  'realtime_sockets',
  {
    id: id(),
    userId: uuid('user_id').notNull(),
    slot: smallint('slot').notNull(),
    instanceId: uuid('instance_id').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'realtime_sockets_instance_id_fkey',
      columns: [table.instanceId],
      foreignColumns: [realtimeInstances.id],
    }).onDelete('cascade'),
    unique('realtime_sockets_slot_key').on(table.userId, table.slot),
    index('realtime_sockets_instance_id_idx').on(table.instanceId),
  ],
)

/** Users in a channel, one row for each instance that has a subscribed socket of the user. */
export const channelMembers = pgTable(
  'channel_members',
  {
    channel: text('channel').notNull(),
    userId: uuid('user_id').notNull(),
    instanceId: uuid('instance_id').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'channel_members_pkey',
      columns: [table.channel, table.userId, table.instanceId],
    }),
    foreignKey({
      name: 'channel_members_instance_id_fkey',
      columns: [table.instanceId],
      foreignColumns: [realtimeInstances.id],
    }).onDelete('cascade'),
    index('channel_members_instance_id_idx').on(table.instanceId),
  ],
)

export type MessageRow = typeof channelMessages.$inferSelect
export type TicketRow = typeof wsTickets.$inferSelect
