import { expect, test } from 'bun:test'
import { type LocalChannel, openChannel } from '../../src/modules/realtime/sockets/local-channel'
import { subscribe } from '../../src/modules/realtime/sockets/subscriptions'
import { type Service, useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

const service = useService()

type Meanwhile = (hub: Service['hub'], channel: LocalChannel) => void

// These happen after the history was read and before the subscriber receives live messages.
const meanwhile: [string, Meanwhile][] = [
  ['the head of the channel went past it', (_, channel) => (channel.lastOffset = 2)],
  ['notifications were missed', (hub) => hub.missedEvents++],
]

test.each(meanwhile)('a subscription during which %s receives the message in between', async (_, happen) => {
  const { hub, sql } = service
  const deps = { ...service.deps, hub }
  const room = `room:${crypto.randomUUID()}`
  const ada = await enterWithSocket(service)
  await ada.ask({ type: 'publish', channel: room, data: 'first' })
  const connection = [...hub.connections.values()].find(
    ({ actor }) => actor.kind === 'user' && actor.userId === ada.id,
  )
  if (!connection) throw new Error('the socket has no connection')

  const channel = openChannel(deps, room)
  await channel.deliveryQueue.settled()
  const { promise: published, resolve: publish } = Promise.withResolvers<void>()
  channel.deliveryQueue.push(() => published)
  const reply = () => happen(hub, channel)
  await subscribe(deps, connection, { channel: room, since: null, reply })
  // No notification announces this second message.
  await sql`insert into channel_messages (channel, "offset", data, from_user_id, sent_at)
    select channel, 2, data, from_user_id, sent_at from channel_messages where channel = ${room}`
  await sql`update channels set last_offset = 2 where name = ${room}`
  publish()
  expect(await ada.next('message')).toMatchObject({ channel: room, offset: 2 })
  expect(ada.of('message')).toHaveLength(1)
  await ada.close()
})
