import { requireUser } from '../../../core/actor'
import { failureIn } from '../../../core/errors'
import type { BusEvent } from '../../../core/event-bus'
import type { Role } from '../../../core/roles'
import { rolesOf, validateSession } from '../../sessions/service'
import { profile } from '../../users/service'
import { channelOf } from '../channels'
import { type Connection, close, send } from './connection'
import type { HubDeps } from './hub'
import { signedIn, socketsOf } from './hub'
import { enqueueMessage, scheduleCatchUp } from './local-channel'
import { dropForbidden } from './subscriptions'

type EventOf<T extends BusEvent['type']> = Extract<BusEvent, { type: T }>

/** Applies an event to the sockets of this instance. */
export function handleEvent(deps: HubDeps, event: BusEvent) {
  switch (event.type) {
    case 'session.ended':
      return endSession(deps, event)
    case 'user.changed':
      for (const connection of socketsOf(deps.hub, event.userId)) void refreshUser(deps, connection)
      return
    case 'sockets.disconnected':
      for (const connection of socketsOf(deps.hub, event.userId))
        close(connection, 'notAllowed', deps.clock.now())
      return
    case 'channel.message':
      return onChannelMessage(deps, event)
    case 'channel.joined':
    case 'channel.left':
      return notifyMembers(deps, event)
    case 'events.missed':
      deps.hub.missedEvents++
      for (const channel of deps.hub.channels.values()) scheduleCatchUp(deps, channel)
      return void recheck(deps)
  }
}

function endSession({ hub, clock }: HubDeps, { sessionId, userId, reason }: EventOf<'session.ended'>) {
  const now = clock.now()
  const message = {
    type: 'session.revoked' as const,
    channel: channelOf(userId),
    session_id: sessionId,
    reason,
  }
  for (const connection of socketsOf(hub, userId)) {
    send(connection, message, now)
    if (requireUser(connection.actor).sessionId === sessionId) close(connection, 'unauthenticated', now)
  }
}

/** Sends the changed user to a socket, and removes subscriptions that the user no longer has permission for. */
async function refreshUser(deps: HubDeps, connection: Connection) {
  const { clock, hub } = deps
  try {
    const actor = await validateSession(deps, requireUser(connection.actor))
    changeRole(deps, connection, actor.role)
    const user = await profile(deps, actor)
    send(connection, { type: 'user.updated', channel: channelOf(user.id), user }, clock.now())
  } catch (error) {
    const isEnded = failureIn(error)?.code === 'invalid_token'
    if (isEnded) close(connection, 'unauthenticated', clock.now())
    else hub.mustRecheck = true
  }
}

/** Changes only the role, because `auth` may have set a later expiry meanwhile. */
function changeRole(deps: HubDeps, connection: Connection, role: Role) {
  const before = requireUser(connection.actor)
  if (before.role === role) return
  connection.actor = { ...before, role }
  dropForbidden(deps, connection)
}

/** Checks the sessions of all sockets in one query. A failure is retried by `reconcile`. */
export async function recheck(deps: HubDeps) {
  const { hub, clock, log } = deps
  const sockets = signedIn(hub)
  hub.mustRecheck = false
  try {
    const roles = await rolesOf(deps, [
      ...new Set(sockets.map((socket) => requireUser(socket.actor).sessionId)),
    ])
    for (const connection of sockets) {
      const role = roles.get(requireUser(connection.actor).sessionId)
      if (role) changeRole(deps, connection, role)
      else close(connection, 'unauthenticated', clock.now())
    }
  } catch (err) {
    hub.mustRecheck = true
    log.debug({ err }, 'realtime.revalidation_failed')
  }
}

function onChannelMessage(deps: HubDeps, { channel: name, offset, message }: EventOf<'channel.message'>) {
  const channel = deps.hub.channels.get(name)
  if (channel) enqueueMessage(deps, channel, message && { ...message, offset })
}

/** Sends `joined` or `left` to the other users in the channel. */
function notifyMembers(
  { hub, clock }: HubDeps,
  { type, channel, userId }: EventOf<'channel.joined' | 'channel.left'>,
) {
  const messageType = type === 'channel.joined' ? ('joined' as const) : ('left' as const)
  for (const subscription of hub.channels.get(channel)?.subscriptions.values() ?? []) {
    if (subscription.userId === userId) continue
    send(subscription.connection, { type: messageType, channel, user_id: userId }, clock.now())
  }
}
