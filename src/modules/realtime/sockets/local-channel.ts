import { secondsAfter } from '../../../core/clock'
import type { PublishedMessage } from '../../../core/shared-events'
import { hasHistory } from '../channels'
import { historyMessages, historySeconds, maxQueuedNotifications } from '../limits'
import type { ServerMessage } from '../messages'
import * as repo from '../repo'
import { type Connection, send, sendText } from './connection'
import type { HubDeps } from './hub'
import { createQueue, type Queue } from './serial-queue'

export type Numbered = PublishedMessage & { offset: number }

/** One socket's place in a channel. */
export type Subscription = {
  connection: Connection
  userId: string
  /** The last offset it was sent. */
  last: number
  /** What came while its history was being read; `null` when it follows live. */
  backlog: Numbered[] | null
}

/** A channel as this instance sees it. */
export type LocalChannel = {
  readonly name: string
  readonly hasHistory: boolean
  readonly subscriptions: Map<string, Subscription>
  /** The last offset that was handed on here; `null` when not known yet. */
  head: number | null
  /** Messages are handed on one after the other. */
  readonly deliveryQueue: Queue
  /** Something was published that is not known here. */
  isBehind: boolean
  /** Users who are members through this instance, and the work under way to make that so. */
  readonly present: Set<string>
  readonly syncing: Map<string, Promise<void>>
}

/** The channel of that name, watched from now on. */
export function openChannel(deps: HubDeps, name: string): LocalChannel {
  const known = deps.hub.channels.get(name)
  if (known) return known
  const channel: LocalChannel = {
    name,
    hasHistory: hasHistory(name),
    subscriptions: new Map(),
    head: null,
    deliveryQueue: createQueue(maxQueuedNotifications),
    isBehind: false,
    present: new Set(),
    syncing: new Map(),
  }
  deps.hub.channels.set(name, channel)
  channel.deliveryQueue.push(() => guarded(deps, channel, () => findHead(deps, channel)))
  return channel
}

/** Forgets a channel that nobody here is in any more. */
export function forgetIfEmpty({ hub }: HubDeps, channel: LocalChannel) {
  const isEmpty = channel.subscriptions.size === 0 && channel.present.size === 0 && channel.syncing.size === 0
  if (isEmpty && hub.channels.get(channel.name) === channel) hub.channels.delete(channel.name)
}

/** Hands a message on, after those before it; without its text it is read from the database. */
export function enqueueMessage(deps: HubDeps, channel: LocalChannel, message: Numbered | null) {
  const isQueued = channel.deliveryQueue.push(() =>
    guarded(deps, channel, () => advance(deps, channel, message)),
  )
  if (!isQueued) channel.isBehind = true
}

/** Hands on what was published without this instance hearing of it. */
export const scheduleCatchUp = (deps: HubDeps, channel: LocalChannel) => enqueueMessage(deps, channel, null)

async function advance(deps: HubDeps, channel: LocalChannel, message: Numbered | null) {
  if (message && !channel.isBehind) {
    channel.head ??= message.offset - 1
    if (message.offset <= channel.head) return
    if (message.offset === channel.head + 1) return deliver(deps, channel, message)
  }
  await catchUp(deps, channel)
}

/** A database that is away leaves the channel behind; it is tried again with the next tick. */
async function guarded(deps: HubDeps, channel: LocalChannel, work: () => Promise<void>) {
  try {
    await work()
  } catch (err) {
    channel.isBehind = true
    deps.log.warn({ err, channel: channel.name }, 'realtime.recovery_failed')
  }
}

/** A subscriber may have set it while it was read, and knows better where to begin. */
async function findHead(deps: HubDeps, channel: LocalChannel) {
  const offset = await repo.lastOffset(deps.db, channel.name)
  channel.head ??= offset
}

async function catchUp(deps: HubDeps, channel: LocalChannel) {
  channel.isBehind = false
  if (channel.head === null) return findHead(deps, channel)
  for (;;) {
    const rows = await missedSince(deps, channel.name, channel.head)
    for (const message of rows) {
      if (message.offset > channel.head + 1) notifyGap(deps, channel, message.offset - 1)
      deliver(deps, channel, message)
    }
    if (rows.length < historyMessages) return
  }
}

/** What is kept of a channel after an offset, in order. */
export async function missedSince(deps: HubDeps, name: string, offset: number): Promise<Numbered[]> {
  const sentAfter = secondsAfter(deps.clock.now(), -historySeconds)
  const rows = await repo.after(deps.db, { channel: name, offset, sentAfter, limit: historyMessages })
  return rows.map(({ sentAt, ...row }) => ({ ...row, sentAt: sentAt.toISOString() }))
}

function deliver(deps: HubDeps, channel: LocalChannel, message: Numbered) {
  channel.head = message.offset
  const now = deps.clock.now()
  const sending = { name: channel.name, text: JSON.stringify(present(channel, message)), now }
  for (const subscription of channel.subscriptions.values()) {
    if (subscription.backlog) subscription.backlog.push(message)
    else sendMessage(subscription, message, sending)
  }
}

type Sending = { name: string; text: string; now: Date }

/** Sends one message to one subscriber, never twice. The socket that published it is told `published` in its place. */
function sendMessage(
  subscription: Subscription,
  { offset, socketId }: Numbered,
  { name, text, now }: Sending,
) {
  if (offset <= subscription.last) return
  subscription.last = offset
  const { connection } = subscription
  if (connection.id === socketId) connection.acknowledge?.(name, offset)
  else sendText(connection, text, now)
}

/** Sends a subscriber what it missed since `since` and what came meanwhile, and lets it follow live. */
export function release(
  deps: HubDeps,
  channel: LocalChannel,
  { subscription, since, missed }: { subscription: Subscription; since: number; missed: Numbered[] },
) {
  const now = deps.clock.now()
  const waiting = [...missed, ...(subscription.backlog ?? [])]
  subscription.last = since
  subscription.backlog = null
  for (const message of waiting)
    sendMessage(subscription, message, {
      name: channel.name,
      text: JSON.stringify(present(channel, message)),
      now,
    })
  if (channel.hasHistory) rewind(deps, channel, subscription.last)
}

/** The channel was opened, and its latest offset read, after the subscriber's history: what lies between is read again. */
function rewind(deps: HubDeps, channel: LocalChannel, offset: number) {
  if (channel.head !== null && channel.head <= offset) return
  channel.head = offset
  scheduleCatchUp(deps, channel)
}

/** Messages were dropped from the history before they could be sent: a subscriber must not take the next for all. */
function notifyGap(deps: HubDeps, channel: LocalChannel, offset: number) {
  if (!channel.hasHistory) return
  for (const subscription of channel.subscriptions.values()) {
    if (subscription.backlog || subscription.last >= offset) continue
    subscription.last = offset
    const told = { type: 'subscribed' as const, channel: channel.name, offset, recovered: false }
    send(subscription.connection, told, deps.clock.now())
  }
}

const present = ({ name, hasHistory }: LocalChannel, message: Numbered): ServerMessage => ({
  type: 'message',
  channel: name,
  ...(hasHistory && { offset: message.offset }),
  data: message.data,
  from: { user_id: message.fromUserId },
  sent_at: message.sentAt,
})
