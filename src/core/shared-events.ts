import { type Static, Type } from '@sinclair/typebox'

/** A published message and its publisher. The socket `socketId` does not receive its own message. */
export type PublishedMessage = Static<typeof PublishedMessage>
const PublishedMessage = Type.Object({
  data: Type.Unknown(),
  fromUserId: Type.String(),
  socketId: Type.Union([Type.String(), Type.Null()]),
  sentAt: Type.String(),
})

/** Events that every instance must learn at once. They travel as JSON in NOTIFY. */
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
    // Null when it is too large for NOTIFY: receivers then read it from the database.
    message: Type.Union([Type.Null(), PublishedMessage]),
  }),
  Type.Object({
    type: Type.Union([Type.Literal('channel.joined'), Type.Literal('channel.left')]),
    channel: Type.String(),
    userId: Type.String(),
  }),
])
