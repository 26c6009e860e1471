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

type Of<T extends BusEvent['type']> = Extract<BusEvent, { type: T }>

/** Does to the sockets of this instance what a change somewhere asks for. */
export function onNotice(deps: HubDeps, notice: BusEvent) {
  switch (notice.type) {
    case 'session.ended':
      return endSession(deps, notice)
    case 'user.changed':
      for (const connection of socketsOf(deps.hub, notice.userId)) void refresh(deps, connection)
      return
    case 'sockets.disconnected':
      for (const connection of socketsOf(deps.hub, notice.userId))
        close(connection, 'notAllowed', deps.clock.now())
      return
    case 'channel.message':
      return onChannelMessage(deps, notice)
    case 'channel.joined':
    case 'channel.left':
      return notifyMembers(deps, notice)
    case 'events.missed':
      deps.hub.gaps++
      for (const channel of deps.hub.channels.values()) scheduleCatchUp(deps, channel)
      return void recheck(deps)
  }
}

function endSession({ hub, clock }: HubDeps, { sessionId, userId, reason }: Of<'session.ended'>) {
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

/** Tells a socket of its user's change and takes from it what the user may no longer have. */
async function refresh(deps: HubDeps, connection: Connection) {
  const { clock, hub } = deps
  try {
    const actor = await validateSession(deps, requireUser(connection.actor))
    changeRole(deps, connection, actor.role)
    const user = await profile(deps, actor)
    send(connection, { type: 'user.updated', channel: channelOf(user.id), user }, clock.now())
  } catch (error) {
    const isOver = failureIn(error)?.code === 'invalid_token'
    if (isOver) close(connection, 'unauthenticated', clock.now())
    else hub.mustRecheck = true
  }
}

/** Renewing meanwhile may have set a later end: only the role is taken over. */
function changeRole(deps: HubDeps, connection: Connection, role: Role) {
  const before = requireUser(connection.actor)
  if (before.role === role) return
  connection.actor = { ...before, role }
  dropForbidden(deps, connection)
}

/** Looks up every socket at once. A database that is away is asked again later. */
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

function onChannelMessage(deps: HubDeps, { channel: name, offset, message }: Of<'channel.message'>) {
  const channel = deps.hub.channels.get(name)
  if (channel) enqueueMessage(deps, channel, message && { ...message, offset })
}

/** To everyone in the channel but the user it is about. */
function notifyMembers(
  { hub, clock }: HubDeps,
  { type, channel, userId }: Of<'channel.joined' | 'channel.left'>,
) {
  const event = type === 'channel.joined' ? ('joined' as const) : ('left' as const)
  for (const subscription of hub.channels.get(channel)?.subscriptions.values() ?? []) {
    if (subscription.userId === userId) continue
    send(subscription.connection, { type: event, channel, user_id: userId }, clock.now())
  }
}
