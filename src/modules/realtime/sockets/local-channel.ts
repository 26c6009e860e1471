import { secondsAfter } from '../../../core/clock'
import type { PublishedMessage } from '../../../core/shared-events'
import { hasHistory } from '../channels'
import { historyMessages, historySeconds, maxQueuedNotifications } from '../limits'
import type { ServerMessage } from '../messages'
import * as repo from '../repo'
import { type Connection, send, sendText } from './connection'
import type { HubDeps } from './hub'
import { createQueue, type Queue } from './serial-queue'

export type Publication = PublishedMessage & { offset: number }

/** The subscription of one socket to a channel. */
export type Subscription = {
  connection: Connection
  userId: string
  /** The last offset that was sent to the socket. */
  lastSent: number
  /** Messages that arrived while its history was read; `null` once messages are sent as they arrive. */
  backlog: Publication[] | null
}

/** A channel as this instance sees it. */
export type LocalChannel = {
  readonly name: string
  readonly hasHistory: boolean
  readonly subscriptions: Map<string, Subscription>
  /** The last offset that was delivered here; `null` until it is read. */
  lastOffset: number | null
  /** Delivers messages one at a time. */
  readonly deliveryQueue: Queue
  /** Whether messages exist that could not be read or queued here. */
  isBehind: boolean
  /** Users whom the table has as members through this instance, and the writes in progress. */
  readonly joinedUsers: Set<string>
  readonly pendingSyncs: Map<string, Promise<void>>
}

/** Returns the channel, and starts to follow it when it is new. */
export function openChannel(deps: HubDeps, name: string): LocalChannel {
  const known = deps.hub.channels.get(name)
  if (known) return known
  const channel: LocalChannel = {
    name,
    hasHistory: hasHistory(name),
    subscriptions: new Map(),
    lastOffset: null,
    deliveryQueue: createQueue(maxQueuedNotifications),
    isBehind: false,
    joinedUsers: new Set(),
    pendingSyncs: new Map(),
  }
  deps.hub.channels.set(name, channel)
  channel.deliveryQueue.push(() => markBehindOnError(deps, channel, () => readLastOffset(deps, channel)))
  return channel
}

/** Stops following a channel that has no subscriber on this instance. */
export function removeIfEmpty({ hub }: HubDeps, channel: LocalChannel) {
  const isEmpty =
    channel.subscriptions.size === 0 && channel.joinedUsers.size === 0 && channel.pendingSyncs.size === 0
  if (isEmpty && hub.channels.get(channel.name) === channel) hub.channels.delete(channel.name)
}

/** Delivers a message after the earlier ones. `null` stands for one that is read from the database. */
export function enqueueMessage(deps: HubDeps, channel: LocalChannel, message: Publication | null) {
  const isQueued = channel.deliveryQueue.push(() =>
    markBehindOnError(deps, channel, () => deliverInOrder(deps, channel, message)),
  )
  if (!isQueued) channel.isBehind = true
}

/** Delivers messages whose events this instance missed. */
export const scheduleCatchUp = (deps: HubDeps, channel: LocalChannel) => enqueueMessage(deps, channel, null)

async function deliverInOrder(deps: HubDeps, channel: LocalChannel, message: Publication | null) {
  if (message && !channel.isBehind) {
    channel.lastOffset ??= message.offset - 1
    if (message.offset <= channel.lastOffset) return
    if (message.offset === channel.lastOffset + 1) return deliver(deps, channel, message)
  }
  await catchUp(deps, channel)
}

/** A failure marks the channel as behind. `reconcile` retries it. */
async function markBehindOnError(deps: HubDeps, channel: LocalChannel, work: () => Promise<void>) {
  try {
    await work()
  } catch (err) {
    channel.isBehind = true
    deps.log.warn({ err, channel: channel.name }, 'realtime.recovery_failed')
  }
}

/** Keeps an offset that a subscriber has set meanwhile, because delivery must continue after what that subscriber has. */
async function readLastOffset(deps: HubDeps, channel: LocalChannel) {
  const offset = await repo.lastOffset(deps.db, channel.name)
  channel.lastOffset ??= offset
}

async function catchUp(deps: HubDeps, channel: LocalChannel) {
  channel.isBehind = false
  if (channel.lastOffset === null) return readLastOffset(deps, channel)
  for (;;) {
    const rows = await historySince(deps, channel.name, channel.lastOffset)
    for (const message of rows) {
      if (message.offset > channel.lastOffset + 1) notifyGap(deps, channel, message.offset - 1)
      deliver(deps, channel, message)
    }
    if (rows.length < historyMessages) return
  }
}

/** The history of a channel after an offset, oldest first. */
export async function historySince(deps: HubDeps, name: string, offset: number): Promise<Publication[]> {
  const sentAfter = secondsAfter(deps.clock.now(), -historySeconds)
  const rows = await repo.messagesAfter(deps.db, { channel: name, offset, sentAfter, limit: historyMessages })
  return rows.map(({ sentAt, ...row }) => ({ ...row, sentAt: sentAt.toISOString() }))
}

function deliver(deps: HubDeps, channel: LocalChannel, message: Publication) {
  channel.lastOffset = message.offset
  const now = deps.clock.now()
  const sending = { name: channel.name, text: JSON.stringify(toMessage(channel, message)), now }
  for (const subscription of channel.subscriptions.values()) {
    if (subscription.backlog) subscription.backlog.push(message)
    else sendMessage(subscription, message, sending)
  }
}

type Sending = { name: string; text: string; now: Date }

/** Sends a message to a subscriber, never twice. The publishing socket gets `published` instead. */
function sendMessage(
  subscription: Subscription,
  { offset, socketId }: Publication,
  { name, text, now }: Sending,
) {
  if (offset <= subscription.lastSent) return
  subscription.lastSent = offset
  const { connection } = subscription
  if (connection.id === socketId) connection.acknowledge?.(name, offset)
  else sendText(connection, text, now)
}

/** Sends a subscriber what it missed and what arrived meanwhile. Later messages are sent as they arrive. */
export function startDelivery(
  deps: HubDeps,
  channel: LocalChannel,
  { subscription, since, missed }: { subscription: Subscription; since: number; missed: Publication[] },
) {
  const now = deps.clock.now()
  const waiting = [...missed, ...(subscription.backlog ?? [])]
  subscription.lastSent = since
  subscription.backlog = null
  for (const message of waiting)
    sendMessage(subscription, message, {
      name: channel.name,
      text: JSON.stringify(toMessage(channel, message)),
      now,
    })
  if (channel.hasHistory) rewind(deps, channel, subscription.lastSent)
}

/** Reads again what was published after the subscriber's history was read and before the channel was followed. */
function rewind(deps: HubDeps, channel: LocalChannel, offset: number) {
  if (channel.lastOffset !== null && channel.lastOffset <= offset) return
  channel.lastOffset = offset
  scheduleCatchUp(deps, channel)
}

/** Tells subscribers that messages were deleted from the history before they could be sent. */
function notifyGap(deps: HubDeps, channel: LocalChannel, offset: number) {
  if (!channel.hasHistory) return
  for (const subscription of channel.subscriptions.values()) {
    if (subscription.backlog || subscription.lastSent >= offset) continue
    subscription.lastSent = offset
    const message = { type: 'subscribed' as const, channel: channel.name, offset, recovered: false }
    send(subscription.connection, message, deps.clock.now())
  }
}

const toMessage = ({ name, hasHistory }: LocalChannel, message: Publication): ServerMessage => ({
  type: 'message',
  channel: name,
  ...(hasHistory && { offset: message.offset }),
  data: message.data,
  from: { user_id: message.fromUserId },
  sent_at: message.sentAt,
})
