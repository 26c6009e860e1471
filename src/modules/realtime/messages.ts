import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Id } from '../../http/pagination-schemas'
import { exampleProblem, strict, Timestamp } from '../../http/schemas'
import { User } from '../users/schema'
import { ChannelName, Data, Offset, Participant, presenceFields } from './schema'

/** The codes with which the server closes a socket. */
export const closeCodes = {
  goingAway: {
    code: 1001,
    meaning: 'The server is shutting down. Connect again: another one will accept the client.',
  },
  frameTooBig: { code: 1009, meaning: 'A frame was larger than 64 KiB.' },
  cannotKeepUp: {
    code: 1013,
    meaning: 'The client reads too slowly, or the server is overloaded. Try again later.',
  },
  badMessages: { code: 4400, meaning: 'Ten messages got the reply `error`.' },
  unauthenticated: { code: 4401, meaning: 'The token is invalid or expired, or its session has ended.' },
  notAllowed: { code: 4403, meaning: 'An admin disconnected the user.' },
  authTimeout: { code: 4408, meaning: 'No `auth` came within 10 seconds.' },
  tooManySockets: { code: 4409, meaning: 'The user already has 20 open sockets.' },
  tooManyMessages: { code: 4429, meaning: 'The client sent more than 50 messages a second, or 100 at once.' },
} as const
export type CloseReason = keyof typeof closeCodes

const id = Type.Union([Type.String({ maxLength: 64 }), Type.Number()], {
  description: 'Any value. The reply repeats it.',
  examples: [1],
})

const object = <const N extends string, F extends Record<string, TSchema>>(
  type: N,
  description: string,
  fields: F,
) => Type.Object({ type: Type.Literal(type), ...fields }, { description, ...strict })

const fromClient = <const N extends string, F extends Record<string, TSchema>>(
  type: N,
  about: string,
  fields: F,
) => object(type, about, { ...fields, id: Type.Optional(id) })

const token = Type.String({
  minLength: 1,
  maxLength: 2048,
  description: 'An access token.',
  examples: ['eyJ…'],
})
const since = Type.Optional({
  ...Offset,
  description: 'The last offset that the client has. Later messages are sent.',
})

/** The messages of clients, by type. */
export const clientMessages = {
  auth: fromClient('auth', 'Authenticates the socket, or renews it with a newer token of the same session.', {
    token,
  }),
  ping: fromClient('ping', 'Asks for a `pong`.', {}),
  subscribe: fromClient('subscribe', 'Subscribes to a channel.', { channel: ChannelName, since }),
  unsubscribe: fromClient('unsubscribe', 'Ends the subscription to a channel.', { channel: ChannelName }),
  publish: fromClient('publish', 'Publishes a message to a channel. No subscription is needed.', {
    channel: ChannelName,
    data: Data,
  }),
  presence: fromClient('presence', 'Asks for the members of a channel.', { channel: ChannelName }),
  broadcast: fromClient('broadcast', 'Sends a message to every socket. Only for admins.', { data: Data }),
  disconnect: fromClient('disconnect', 'Closes every socket of a user. Only for admins.', { user_id: Id }),
}
export const ClientMessage = Type.Union(Object.values(clientMessages))
export type ClientMessage = Static<(typeof clientMessages)[keyof typeof clientMessages]>

const answer = <const N extends string, F extends Record<string, TSchema>>(
  type: N,
  about: string,
  fields: F,
) =>
  object(type, about, {
    ...fields,
    id: Type.Optional({ ...id, description: 'The `id` of the message that this replies to.' }),
  })

const ownChannel = Type.String({
  description: 'The channel of the user.',
  examples: ['user:0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
})
const reason = Type.String({ description: 'A stable code.', examples: ['logged_out'] })

/** The messages of the server, by type. */
export const serverMessages = {
  ready: answer('ready', 'The socket is authenticated. Also the reply to `auth`.', {
    user: User,
    session_id: Id,
    expires_at: Type.Unsafe<string>({
      ...Timestamp,
      description: 'Time at which the token expires and the socket is closed.',
    }),
  }),
  pong: answer('pong', 'The reply to `ping`.', {}),
  subscribed: answer(
    'subscribed',
    'The reply to `subscribe`. The missed messages follow it. The server also sends it by itself, with `recovered: false`, if messages were lost.',
    {
      channel: ChannelName,
      offset: Type.Optional({
        ...Offset,
        description: 'Offset of the latest message. Only in channels with a history.',
      }),
      recovered: Type.Optional(
        Type.Boolean({
          description: 'Whether all messages after `since` follow. False if `since` is too old.',
        }),
      ),
    },
  ),
  unsubscribed: answer(
    'unsubscribed',
    'The reply to `unsubscribe`. The server also sends it by itself if the user lost the right to the channel.',
    {
      channel: ChannelName,
      reason: Type.Optional({ ...reason, examples: ['forbidden'] }),
    },
  ),
  published: answer('published', 'The reply to `publish`.', {
    channel: ChannelName,
    offset: Type.Optional(Offset),
  }),
  message: object('message', 'A message of a channel.', {
    channel: ChannelName,
    offset: Type.Optional({ ...Offset, description: 'Only in channels with a history.' }),
    data: Data,
    from: Participant,
    sent_at: Timestamp,
  }),
  presence: answer('presence', 'The reply to `presence`.', presenceFields),
  joined: object('joined', 'The first socket of a user joined the channel.', {
    channel: ChannelName,
    user_id: Id,
  }),
  left: object('left', 'The last socket of a user left the channel.', {
    channel: ChannelName,
    user_id: Id,
  }),
  broadcasted: answer('broadcasted', 'The reply to `broadcast`.', {
    delivered: Type.Integer({ description: 'Number of sockets that get it.', examples: [7] }),
  }),
  disconnected: answer('disconnected', 'The reply to `disconnect`.', {
    count: Type.Integer({ description: 'Number of sockets that the user had.', examples: [2] }),
  }),
  expiring: object(
    'expiring',
    'The token is about to expire. Sent once a token. Send `auth` with a newer one of the same session.',
    {
      in: Type.Integer({ description: 'Seconds until the token expires.', examples: [30] }),
    },
  ),
  'session.revoked': object('session.revoked', 'A session of the user ended. Its sockets are closed next.', {
    channel: ownChannel,
    session_id: Id,
    reason,
  }),
  'user.updated': object('user.updated', 'The account of the user changed.', {
    channel: ownChannel,
    user: User,
  }),
  error: answer('error', 'The message had no effect.', {
    code: Type.String({ description: 'An error code, the same as in HTTP.', examples: ['forbidden'] }),
    message: Type.String({ description: 'The title of the code, for people.', examples: ['Not allowed'] }),
  }),
}
export const ServerMessage = Type.Union(Object.values(serverMessages))
export type ServerMessage = Static<(typeof serverMessages)[keyof typeof serverMessages]>

/** A message of the server that replies to one of a client and may repeat its `id`. */
export type Reply = ReplyIn<ServerMessage>
type ReplyIn<M> = M extends { type: string } ? ('id' extends keyof M ? M : never) : never

/** The title of an error code, as in a problem over HTTP. */
export const titleOf = (code: Parameters<typeof exampleProblem>[0]): string => exampleProblem(code).title
