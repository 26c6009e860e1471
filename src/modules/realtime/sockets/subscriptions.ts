import { requireUser } from '../../../core/actor'
import { fail } from '../../../core/errors'
import { assertPermission, hasPermission, systemChannel } from '../channels'
import { maxSubscriptions } from '../limits'
import type { ServerMessage } from '../messages'
import * as repo from '../repo'
import { hasMembers, syncMember } from './channel-members'
import { type Connection, send } from './connection'
import type { HubDeps } from './hub'
import {
  historySince,
  type LocalChannel,
  openChannel,
  type Publication,
  removeIfEmpty,
  scheduleCatchUp,
  startDelivery,
} from './local-channel'

type SubscribeRequest = { channel: string; since: number | null }
type Subscribed = Extract<ServerMessage, { type: 'subscribed' }>

/**
 * Subscribes a signed-in socket, replies, and sends the messages that it missed. Messages that arrive while the history is
 * read wait in the backlog, so that none is lost. Throws `forbidden`, `rate_limited`.
 */
export async function subscribe(
  deps: HubDeps,
  connection: Connection,
  { channel: name, since, reply }: SubscribeRequest & { reply(message: Subscribed): void },
): Promise<void> {
  const actor = requireUser(connection.actor)
  assertPermission(actor, 'subscribe', name)
  if (connection.channels.size >= maxSubscriptions && !connection.channels.has(name))
    throw fail('rate_limited')
  const { missedEvents } = deps.hub
  const channel = openChannel(deps, name)
  const existing = channel.subscriptions.get(connection.id)
  if (existing && since === null) return reply(subscribedReply(channel, { lastOffset: existing.lastSent }))
  const subscription = { connection, userId: actor.userId, lastSent: 0, backlog: [] }
  channel.subscriptions.set(connection.id, subscription)
  connection.channels.add(name)
  try {
    if (hasMembers(name)) await syncMember(deps, channel, actor.userId)
    const { lastOffset, missed, isRecovered } = await recover(deps, channel, since)
    // The subscription was removed while the history was read.
    if (channel.subscriptions.get(connection.id) !== subscription) return
    reply(subscribedReply(channel, { lastOffset, ...(since !== null && { isRecovered }) }))
    startDelivery(deps, channel, { subscription, since: lastOffset - missed.length, missed })
  } catch (error) {
    void leaveChannels(deps, connection, [name])
    throw error
  }
  if (missedEvents !== deps.hub.missedEvents) scheduleCatchUp(deps, channel)
}

const subscribedReply = (
  { name, hasHistory }: LocalChannel,
  { lastOffset, isRecovered }: { lastOffset: number; isRecovered?: boolean },
): Subscribed => ({
  type: 'subscribed',
  channel: name,
  ...(hasHistory && { offset: lastOffset }),
  ...(isRecovered !== undefined && { recovered: isRecovered }),
})

type Recovered = { lastOffset: number; missed: Publication[]; isRecovered: boolean }

/** Reads the messages after `since`. `isRecovered` is false when some of them are no longer in the history. */
async function recover(deps: HubDeps, channel: LocalChannel, since: number | null): Promise<Recovered> {
  if (!channel.hasHistory) return { lastOffset: 0, missed: [], isRecovered: false }
  const lastOffset = await repo.lastOffset(deps.db, channel.name)
  if (since === null || since > lastOffset) return { lastOffset, missed: [], isRecovered: false }
  const missed = await historySince(deps, channel.name, since)
  const latest = missed.at(-1)?.offset ?? since
  const isRecovered = latest >= lastOffset && missed.length === latest - since
  return isRecovered ? { lastOffset: latest, missed, isRecovered } : { lastOffset, missed: [], isRecovered }
}

/** Removes a socket from channels at once. The table follows when a permit is free; the heartbeat retries failures. */
export async function leaveChannels(deps: HubDeps, connection: Connection, names: string[]): Promise<void> {
  const syncs = names.map((name) => leaveChannel(deps, connection, name))
  try {
    await deps.hub.semaphore.run(async () => {
      for (const sync of syncs) await sync()
    })
  } catch (err) {
    deps.log.warn({ err, socketId: connection.id }, 'realtime.unsubscribe_failed')
  }
}

/** Removes a socket from a channel. Returns the function that writes the change of membership to the table. */
function leaveChannel(deps: HubDeps, connection: Connection, name: string): () => Promise<void> {
  connection.channels.delete(name)
  const channel = deps.hub.channels.get(name)
  const subscription = channel?.subscriptions.get(connection.id)
  if (!channel || !subscription) return noChange
  channel.subscriptions.delete(connection.id)
  removeIfEmpty(deps, channel)
  return hasMembers(name) ? () => syncMember(deps, channel, subscription.userId) : noChange
}

const noChange = () => Promise.resolve()

/** Handles `unsubscribe`. Throws `forbidden` for the system channel. */
export function unsubscribe(deps: HubDeps, connection: Connection, name: string): Promise<void> {
  if (name === systemChannel) throw fail('forbidden')
  return leaveChannel(deps, connection, name)()
}

/** Removes a socket from the channels that its user no longer has permission for. */
export function dropForbidden(deps: HubDeps, connection: Connection) {
  const actor = requireUser(connection.actor)
  const forbidden = [...connection.channels].filter((channel) => !hasPermission(actor, 'subscribe', channel))
  if (forbidden.length === 0) return
  void leaveChannels(deps, connection, forbidden)
  for (const channel of forbidden)
    send(connection, { type: 'unsubscribed', channel, reason: 'forbidden' }, deps.clock.now())
}
