import { requireUser } from '../../../core/actor'
import { fail } from '../../../core/errors'
import { assertMay, may, systemChannel } from '../channels'
import { maxSubscriptions } from '../limits'
import type { ServerMessage } from '../messages'
import * as repo from '../repo'
import { hasMembers, syncMember } from './channel-members'
import { type Connection, send } from './connection'
import type { HubDeps } from './hub'
import {
  forgetIfEmpty,
  type LocalChannel,
  missedSince,
  type Numbered,
  openChannel,
  release,
  scheduleCatchUp,
} from './local-channel'

type Asked = { channel: string; since: number | null }
type Subscribed = Extract<ServerMessage, { type: 'subscribed' }>

/**
 * Subscribes a signed-in socket and sends what it missed, after the answer. From the moment it is asked nothing is
 * lost: what is published while the history is read waits behind it. Throws `forbidden`, `rate_limited`.
 */
export async function subscribe(
  deps: HubDeps,
  connection: Connection,
  { channel: name, since, reply }: Asked & { reply(answer: Subscribed): void },
): Promise<void> {
  const actor = requireUser(connection.actor)
  assertMay(actor, 'subscribe', name)
  if (connection.channels.size >= maxSubscriptions && !connection.channels.has(name))
    throw fail('rate_limited')
  const { gaps } = deps.hub
  const channel = openChannel(deps, name)
  const known = channel.subscriptions.get(connection.id)
  if (known && since === null) return reply(answerOf(channel, { head: known.last }))
  const subscription = { connection, userId: actor.userId, last: 0, backlog: [] }
  channel.subscriptions.set(connection.id, subscription)
  connection.channels.add(name)
  try {
    if (hasMembers(name)) await syncMember(deps, channel, actor.userId)
    const { head, missed, isRecovered } = await recover(deps, channel, since)
    // A right was lost, or the socket closed, while the history was read.
    if (channel.subscriptions.get(connection.id) !== subscription) return
    reply(answerOf(channel, { head, ...(since !== null && { isRecovered }) }))
    release(deps, channel, { subscription, since: head - missed.length, missed })
  } catch (error) {
    void leaveAll(deps, connection, [name])
    throw error
  }
  if (gaps !== deps.hub.gaps) scheduleCatchUp(deps, channel)
}

const answerOf = (
  { name, hasHistory }: LocalChannel,
  { head, isRecovered }: { head: number; isRecovered?: boolean },
): Subscribed => ({
  type: 'subscribed',
  channel: name,
  ...(hasHistory && { offset: head }),
  ...(isRecovered !== undefined && { recovered: isRecovered }),
})

type Recovered = { head: number; missed: Numbered[]; isRecovered: boolean }

/** What a subscriber that has seen `since` has missed, as far as it is kept. */
async function recover(deps: HubDeps, channel: LocalChannel, since: number | null): Promise<Recovered> {
  if (!channel.hasHistory) return { head: 0, missed: [], isRecovered: false }
  const head = await repo.lastOffset(deps.db, channel.name)
  if (since === null || since > head) return { head, missed: [], isRecovered: false }
  const missed = await missedSince(deps, channel.name, since)
  const latest = missed.at(-1)?.offset ?? since
  const isRecovered = latest >= head && missed.length === latest - since
  return isRecovered ? { head: latest, missed, isRecovered } : { head, missed: [], isRecovered }
}

/** Takes a socket out of channels at once. Who is there is written when its turn comes; what fails, with the next beat. */
export async function leaveAll(deps: HubDeps, connection: Connection, names: string[]): Promise<void> {
  const departures = names.map((name) => leaveChannel(deps, connection, name))
  try {
    await deps.hub.semaphore.run(async () => {
      for (const tell of departures) await tell()
    })
  } catch (err) {
    deps.log.warn({ err, socketId: connection.id }, 'realtime.unsubscribe_failed')
  }
}

/** Takes a socket out of a channel and answers how to write down that its user may be gone. */
function leaveChannel(deps: HubDeps, connection: Connection, name: string): () => Promise<void> {
  connection.channels.delete(name)
  const channel = deps.hub.channels.get(name)
  const subscription = channel?.subscriptions.get(connection.id)
  if (!channel || !subscription) return noChange
  channel.subscriptions.delete(connection.id)
  forgetIfEmpty(deps, channel)
  return hasMembers(name) ? () => syncMember(deps, channel, subscription.userId) : noChange
}

const noChange = () => Promise.resolve()

/** Takes a socket out of a channel at its own wish. Throws `forbidden` for the one that everyone listens to. */
export function unsubscribe(deps: HubDeps, connection: Connection, name: string): Promise<void> {
  if (name === systemChannel) throw fail('forbidden')
  return leaveChannel(deps, connection, name)()
}

/** Takes a socket out of the channels that its user may no longer listen to. */
export function dropForbidden(deps: HubDeps, connection: Connection) {
  const actor = requireUser(connection.actor)
  const forbidden = [...connection.channels].filter((channel) => !may(actor, 'subscribe', channel))
  if (forbidden.length === 0) return
  void leaveAll(deps, connection, forbidden)
  for (const channel of forbidden)
    send(connection, { type: 'unsubscribed', channel, reason: 'forbidden' }, deps.clock.now())
}
