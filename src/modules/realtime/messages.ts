import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Id } from '../../http/pagination-schemas'
import { exampleProblem, strict, Timestamp } from '../../http/schemas'
import { User } from '../users/schema'
import { ChannelName, Data, Offset, Participant, presenceFields } from './schema'

/** The codes with which the server closes a socket. */
export const closeCodes = {
  goingAway: { code: 1001, meaning: 'The server is going away; connect again, another one will answer.' },
  frameTooBig: { code: 1009, meaning: 'A frame had more than 64 KiB.' },
  cannotKeepUp: {
    code: 1013,
    meaning: 'The client reads too slowly or the server is overloaded; try again later.',
  },
  badMessages: { code: 4400, meaning: 'Ten messages were answered with an error.' },
  unauthenticated: { code: 4401, meaning: 'The token has expired, was not valid, or its session has ended.' },
  notAllowed: { code: 4403, meaning: 'An admin disconnected the user.' },
  authTimeout: { code: 4408, meaning: 'No `auth` came within 10 seconds.' },
  tooManySockets: { code: 4409, meaning: 'The user has 20 open sockets.' },
  tooManyMessages: { code: 4429, meaning: 'More than 50 messages a second, or 100 at once.' },
} as const
export type CloseReason = keyof typeof closeCodes

const id = Type.Union([Type.String({ maxLength: 64 }), Type.Number()], {
  description: 'Anything; the answer carries it too.',
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
  description: 'The last offset that was received: what came after it is sent.',
})

/** The messages of clients, by type. */
export const clientMessages = {
  auth: fromClient('auth', 'Signs in, or renews with a newer token of the same session.', { token }),
  ping: fromClient('ping', 'Asks for a `pong`.', {}),
  subscribe: fromClient('subscribe', 'Listens to a channel.', { channel: ChannelName, since }),
  unsubscribe: fromClient('unsubscribe', 'Stops listening.', { channel: ChannelName }),
  publish: fromClient('publish', 'Sends to a channel; no subscription is needed.', {
    channel: ChannelName,
    data: Data,
  }),
  presence: fromClient('presence', 'Asks who is in a channel.', { channel: ChannelName }),
  broadcast: fromClient('broadcast', 'Sends to everyone. Admins only.', { data: Data }),
  disconnect: fromClient('disconnect', 'Closes every socket of a user. Admins only.', { user_id: Id }),
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
    id: Type.Optional({ ...id, description: 'That of the message answered.' }),
  })

const ownChannel = Type.String({
  description: 'That of the user.',
  examples: ['user:0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
})
const reason = Type.String({ description: 'A stable word.', examples: ['logged_out'] })

/** The messages of the server, by type. */
export const serverMessages = {
  ready: answer('ready', 'The socket is signed in; answers `auth` too.', {
    user: User,
    session_id: Id,
    expires_at: Type.Unsafe<string>({
      ...Timestamp,
      description: 'When the token ends, and the socket with it.',
    }),
  }),
  pong: answer('pong', 'Answers `ping`.', {}),
  subscribed: answer(
    'subscribed',
    'Answers `subscribe`, before what was missed. Unasked and not recovered when messages were lost on the way.',
    {
      channel: ChannelName,
      offset: Type.Optional({
        ...Offset,
        description: 'Of the latest message; only where there is a history.',
      }),
      recovered: Type.Optional(
        Type.Boolean({
          description: 'Whether all since the given offset follows; false when it is too old.',
        }),
      ),
    },
  ),
  unsubscribed: answer('unsubscribed', 'Answers `unsubscribe`; unasked when a right was lost.', {
    channel: ChannelName,
    reason: Type.Optional({ ...reason, examples: ['forbidden'] }),
  }),
  published: answer('published', 'Answers `publish`.', {
    channel: ChannelName,
    offset: Type.Optional(Offset),
  }),
  message: object('message', 'What someone published.', {
    channel: ChannelName,
    offset: Type.Optional({ ...Offset, description: 'Where the channel has a history.' }),
    data: Data,
    from: Participant,
    sent_at: Timestamp,
  }),
  presence: answer('presence', 'Answers `presence`.', presenceFields),
  joined: object('joined', 'The first socket of a user subscribed.', { channel: ChannelName, user_id: Id }),
  left: object('left', 'The last socket of a user is gone.', { channel: ChannelName, user_id: Id }),
  broadcasted: answer('broadcasted', 'Answers `broadcast`.', {
    delivered: Type.Integer({ description: 'How many sockets there are.', examples: [7] }),
  }),
  disconnected: answer('disconnected', 'Answers `disconnect`.', {
    count: Type.Integer({ description: 'How many sockets the user had.', examples: [2] }),
  }),
  expiring: object(
    'expiring',
    'The token is about to end: send `auth` with a newer one of the same session.',
    {
      in: Type.Integer({ description: 'Seconds.', examples: [30] }),
    },
  ),
  'session.revoked': object(
    'session.revoked',
    'A session of the user ended; its sockets are closed after this.',
    {
      channel: ownChannel,
      session_id: Id,
      reason,
    },
  ),
  'user.updated': object('user.updated', 'The account changed.', { channel: ownChannel, user: User }),
  error: answer('error', 'The message was not carried out.', {
    code: Type.String({ description: 'As in HTTP: see the list of codes.', examples: ['forbidden'] }),
    message: Type.String({ description: 'For people.', examples: ['Not allowed'] }),
  }),
}
export const ServerMessage = Type.Union(Object.values(serverMessages))
export type ServerMessage = Static<(typeof serverMessages)[keyof typeof serverMessages]>

/** A message of the server that replies to one of a client and may repeat its `id`. */
export type Reply = ReplyIn<ServerMessage>
type ReplyIn<M> = M extends { type: string } ? ('id' extends keyof M ? M : never) : never

/** The title of an error code, as in a problem over HTTP. */
export const titleOf = (code: Parameters<typeof exampleProblem>[0]): string => exampleProblem(code).title
