import { type Static, Type } from '@sinclair/typebox'

/** What was published, by whom; `socketId` names the socket that is not sent its own message. */
export type PublishedMessage = Static<typeof PublishedMessage>
const PublishedMessage = Type.Object({
  data: Type.Unknown(),
  fromUserId: Type.String(),
  socketId: Type.Union([Type.String(), Type.Null()]),
  sentAt: Type.String(),
})

/** What every instance must learn at once. It travels as JSON. */
export type SharedEvent = Static<typeof SharedEvent>
export const SharedEvent = Type.Union([
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
    // Left out when it is too large to travel: then it is read from the database.
    message: Type.Union([Type.Null(), PublishedMessage]),
  }),
  Type.Object({
    type: Type.Union([Type.Literal('channel.joined'), Type.Literal('channel.left')]),
    channel: Type.String(),
    userId: Type.String(),
  }),
])
