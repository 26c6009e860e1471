import { Type } from '@sinclair/typebox'
import { Id, PageOf } from '../../http/pagination-schemas'
import { strict, Timestamp } from '../../http/schemas'

export const ChannelName = Type.String({
  pattern: '^[a-z]{1,16}(:[A-Za-z0-9_-]{1,64})?$',
  description: '`user:<id>`, `room:<name>`, `admin` or `system`.',
  examples: ['room:lobby'],
})

export const ByChannel = Type.Object({ channel: ChannelName }, strict)

export const Data = Type.Unknown({ description: 'Any JSON value.', examples: [{ text: 'hello' }] })

export const Offset = Type.Integer({
  minimum: 0,
  description: 'Number of the message in its channel, from 1.',
  examples: [42],
})

export const Participant = Type.Object(
  { user_id: Id },
  { title: 'Participant', description: 'The user who published the message or is subscribed.', ...strict },
)

export const Ticket = Type.Object(
  {
    ticket: Type.String({
      description: 'Good for one connection: `GET /api/v1/ws?ticket=…`.',
      examples: ['h0OBbGkVqYwyhkZ2.dGlja2V0LWZvci1vbmUtY29ubmVjdGlvbi1vbmx5ISE'],
    }),
    expires_in: Type.Integer({ description: 'Seconds until it ends.', examples: [30] }),
  },
  { title: 'Ticket', description: 'Opens one WebSocket where no header can be set.', ...strict },
)
export type Ticket = typeof Ticket.static

export const ConnectQuery = Type.Object(
  {
    ticket: Type.Optional(Type.String({ description: 'From `POST /api/v1/ws/tickets`.' })),
    token: Type.Optional(
      Type.String({
        description: 'An access token. The last choice: proxies write addresses into their logs.',
      }),
    ),
  },
  strict,
)
export type ConnectQuery = typeof ConnectQuery.static

export const NewMessage = Type.Object({ data: Data }, { title: 'NewMessage', ...strict })
export type NewMessage = typeof NewMessage.static

export const ChannelMessage = Type.Object(
  { channel: ChannelName, offset: Offset, data: Data, from: Participant, sent_at: Timestamp },
  { title: 'ChannelMessage', description: 'What was published to a channel.', ...strict },
)
export type ChannelMessage = typeof ChannelMessage.static

export const MessagePage = PageOf(ChannelMessage, { title: 'MessagePage' })

export const presenceFields = {
  channel: ChannelName,
  users: Type.Array(Participant, { description: 'Each user once, for any number of sockets. At most 1000.' }),
  count: Type.Integer({ description: 'Number of all users in the channel.', examples: [1] }),
}
export const Presence = Type.Object(presenceFields, {
  title: 'Presence',
  description: 'Who is subscribed to a channel.',
  ...strict,
})
export type Presence = typeof Presence.static

export const SwitchingProtocols = Type.Void({ description: 'The protocol is WebSocket from here on.' })
