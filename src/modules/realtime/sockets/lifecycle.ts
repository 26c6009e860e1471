import { type AnonymousActor, requireUser, type UserActor } from '../../../core/actor'
import { secondsAfter, secondsBetween } from '../../../core/clock'
import { randomShare } from '../../../core/crypto'
import { failureIn } from '../../../core/errors'
import { isInForce, validateSession } from '../../sessions/service'
import { profile } from '../../users/service'
import { systemChannel } from '../channels'
import {
  authSeconds,
  expiryWarningSeconds,
  maxReconnectsPerSecond,
  pongSeconds,
  reconnectSpreadSeconds,
} from '../limits'
import type { Answer } from '../messages'
import { type Connection, close, closeGoingAway, createConnection, send, type Wire } from './connection'
import type { HubDeps } from './hub'
import { addSocket, type Hub, removeSocket } from './hub'
import { countClose } from './socket-counters'
import { freeSlot, takeSlot } from './socket-slots'
import { leaveAll, subscribe } from './subscriptions'

/** Takes in a socket; one that is known already is signed in before anything it says is looked at. */
export function open(deps: HubDeps, wire: Wire, visitor: UserActor | AnonymousActor): Connection {
  const { traffic } = deps.hub
  const { origin } = visitor
  const actor = { kind: 'anonymous' as const, origin }
  const connection = createConnection({ wire, openedAt: deps.clock.now(), traffic, actor })
  deps.hub.connections.set(connection.id, connection)
  if (visitor.kind === 'anonymous') deps.hub.unauthenticated.add(connection)
  // Let in just before the service began to end.
  if (deps.hub.isStopping) closeGoingAway(connection, reconnectDelay(deps.hub), deps.clock.now())
  else if (visitor.kind === 'user') connection.queue.push(() => welcome(deps, connection, visitor))
  return connection
}

/** Milliseconds that a client should wait before it comes back to another instance, or to the next of this one. */
export function reconnectDelay({ connections }: Hub): number {
  const spreadSeconds = Math.max(reconnectSpreadSeconds, connections.size / maxReconnectsPerSecond)
  return Math.ceil(spreadSeconds * 1000 * randomShare())
}

async function welcome(deps: HubDeps, connection: Connection, actor: UserActor) {
  connection.isSigningIn = true
  try {
    const ready = await deps.hub.semaphore.run(() => enter(deps, connection, actor))
    if (ready) send(connection, ready, deps.clock.now())
  } catch (error) {
    if (!isOver(error)) deps.log.warn({ err: error, socketId: connection.id }, 'realtime.open_failed')
    closeOnError(deps, connection, error)
  }
  connection.isSigningIn = false
}

/**
 * Signs a socket in; `null` when the user has too many, and it is closed. Throws `invalid_token` when the session ended
 * meanwhile.
 */
export async function enter(deps: HubDeps, connection: Connection, actor: UserActor): Promise<Answer | null> {
  const { userId, sessionId } = actor
  // It may have left while it waited for its turn.
  if (connection.endsAt) return null
  if (!(await takeSlot(deps, connection, userId))) {
    close(connection, 'tooManySockets', deps.clock.now())
    return null
  }
  connection.actor = actor
  addSocket(deps.hub, userId, connection)
  try {
    // Notices reach it from here on; what changed before is seen by looking once more.
    connection.actor = await validateSession(deps, actor)
    await subscribe(deps, connection, { channel: systemChannel, since: null, reply: ignored })
  } catch (error) {
    // It counts as signed in by now, and nothing else would come to look at it.
    closeOnError(deps, connection, error)
    throw error
  }
  deps.log.info({ socketId: connection.id, userId, sessionId }, 'realtime.opened')
  return readyMessage(deps, requireUser(connection.actor))
}

const isOver = (error: unknown) => failureIn(error)?.code === 'invalid_token'

const closeOnError = ({ clock }: HubDeps, connection: Connection, error: unknown) =>
  close(connection, isOver(error) ? 'unauthenticated' : 'cannotKeepUp', clock.now())

/** What a socket is told once it is signed in or renewed. */
export const readyMessage = async (deps: HubDeps, actor: UserActor): Promise<Answer> => ({
  type: 'ready',
  user: await profile(deps, actor),
  session_id: actor.sessionId,
  expires_at: actor.expiresAt.toISOString(),
})

/** Lets go of a socket that is closed, once what it was doing is done. */
export function closed(deps: HubDeps, connection: Connection, code: number) {
  const { id, actor, queue, traffic } = connection
  countClose(traffic, code)
  connection.endsAt ??= deps.clock.now()
  queue.clear()
  queue.push(() => cleanup(deps, connection))
  const userId = actor.kind === 'user' ? actor.userId : null
  deps.log.info({ socketId: id, userId, code }, 'realtime.closed')
}

async function cleanup(deps: HubDeps, connection: Connection) {
  removeSocket(deps.hub, connection)
  // All at once when the instance is removed.
  if (deps.hub.isStopping) return
  freeSlot(deps, connection)
  await leaveAll(deps, connection, [...connection.channels])
}

/** Does what time asks of each socket: a warning, a ping, the end. */
export function tick(deps: HubDeps) {
  const { hub, clock } = deps
  const now = clock.now()
  for (const connection of hub.connections.values()) {
    if (connection.endsAt) terminateIfOverdue(connection, connection.endsAt, now)
    else if (connection.actor.kind === 'user') checkTokenExpiry(deps, connection, connection.actor)
    else checkAuthTimeout(connection, now)
    checkPong(connection, now)
  }
}

function terminateIfOverdue(connection: Connection, endsAt: Date, now: Date) {
  if (now >= endsAt) connection.wire.terminate()
}

function checkAuthTimeout(connection: Connection, now: Date) {
  const { isSigningIn, openedAt } = connection
  if (!isSigningIn && now >= secondsAfter(openedAt, authSeconds)) close(connection, 'authTimeout', now)
}

function checkTokenExpiry(deps: HubDeps, connection: Connection, actor: UserActor) {
  const now = deps.clock.now()
  const { expiresAt } = actor
  if (expiresAt <= now || !isInForce(deps, actor)) return close(connection, 'unauthenticated', now)
  if (secondsAfter(now, warningSecondsOf(deps)) < expiresAt || isWarned(connection, expiresAt)) return
  connection.warnedExpiry = expiresAt
  send(connection, { type: 'expiring', in: secondsBetween(now, expiresAt) }, now)
}

// A warning that comes with a new token at once makes a client refresh without end.
const warningSecondsOf = ({ config }: HubDeps) => Math.min(expiryWarningSeconds, config.accessTtlSeconds / 3)

const isWarned = ({ warnedExpiry }: Connection, expiresAt: Date) =>
  warnedExpiry !== null && warnedExpiry >= expiresAt

function checkPong(connection: Connection, now: Date) {
  const { endsAt, pingedAt, pingAt, wire } = connection
  if (endsAt) return
  if (pingedAt && now >= secondsAfter(pingedAt, pongSeconds)) return wire.terminate()
  if (pingedAt || now < pingAt) return
  connection.pingedAt = now
  wire.ping()
}

const ignored = () => {
  // Nobody asked to be subscribed to what everyone listens to.
}
