import { type AnonymousActor, requireUser, type UserActor } from '../../../core/actor'
import { secondsAfter, secondsBetween } from '../../../core/clock'
import { randomShare } from '../../../core/crypto'
import { failureIn } from '../../../core/errors'
import { isKeyCurrent, validateSession } from '../../sessions/service'
import { profile } from '../../users/service'
import { systemChannel } from '../channels'
import {
  authSeconds,
  expiryWarningSeconds,
  maxReconnectsPerSecond,
  pongSeconds,
  reconnectSpreadSeconds,
} from '../limits'
import type { Reply } from '../messages'
import { type Connection, close, closeGoingAway, createConnection, type RawSocket, send } from './connection'
import type { HubDeps } from './hub'
import { addSocket, type Hub, removeSocket } from './hub'
import { countClose } from './socket-counters'
import { freeSlot, takeSlot } from './socket-slots'
import { leaveChannels, subscribe } from './subscriptions'

/** Adds a socket to the hub. A socket that came with a credential is signed in before its first message is handled. */
export function openConnection(
  deps: HubDeps,
  socket: RawSocket,
  requester: UserActor | AnonymousActor,
): Connection {
  const { traffic } = deps.hub
  const { origin } = requester
  const actor = { kind: 'anonymous' as const, origin }
  const connection = createConnection({ socket, openedAt: deps.clock.now(), traffic, actor })
  deps.hub.connections.set(connection.id, connection)
  if (requester.kind === 'anonymous') deps.hub.unauthenticated.add(connection)
  // The handshake was accepted just before the shutdown.
  if (deps.hub.isStopping) closeGoingAway(connection, reconnectDelay(deps.hub), deps.clock.now())
  else if (requester.kind === 'user') connection.queue.push(() => signInAtOpen(deps, connection, requester))
  return connection
}

/** A random delay in milliseconds before a client reconnects, so that not all of them do so at once. */
export function reconnectDelay({ connections }: Hub): number {
  const spreadSeconds = Math.max(reconnectSpreadSeconds, connections.size / maxReconnectsPerSecond)
  return Math.ceil(spreadSeconds * 1000 * randomShare())
}

async function signInAtOpen(deps: HubDeps, connection: Connection, actor: UserActor) {
  connection.isSigningIn = true
  try {
    const ready = await deps.hub.semaphore.run(() => signIn(deps, connection, actor))
    if (ready) send(connection, ready, deps.clock.now())
  } catch (error) {
    if (!isInvalidToken(error)) deps.log.warn({ err: error, socketId: connection.id }, 'realtime.open_failed')
    closeOnError(deps, connection, error)
  }
  connection.isSigningIn = false
}

/**
 * Signs a socket in. Closes it and returns `null` when the user has too many sockets. Throws `invalid_token` when the
 * session ended meanwhile.
 */
export async function signIn(deps: HubDeps, connection: Connection, actor: UserActor): Promise<Reply | null> {
  const { userId, sessionId } = actor
  // The socket may have closed while it waited.
  if (connection.closeDeadline) return null
  if (!(await takeSlot(deps, connection, userId))) {
    close(connection, 'tooManySockets', deps.clock.now())
    return null
  }
  connection.actor = actor
  addSocket(deps.hub, userId, connection)
  try {
    // The socket receives events from here on. Checking the session again covers earlier changes.
    connection.actor = await validateSession(deps, actor)
    await subscribe(deps, connection, { channel: systemChannel, since: null, reply: ignored })
  } catch (error) {
    // The socket counts as signed in now, so no timeout would close it.
    closeOnError(deps, connection, error)
    throw error
  }
  deps.log.info({ socketId: connection.id, userId, sessionId }, 'realtime.opened')
  return readyMessage(deps, requireUser(connection.actor))
}

const isInvalidToken = (error: unknown) => failureIn(error)?.code === 'invalid_token'

const closeOnError = ({ clock }: HubDeps, connection: Connection, error: unknown) =>
  close(connection, isInvalidToken(error) ? 'unauthenticated' : 'cannotKeepUp', clock.now())

/** The reply after a socket is signed in, or has sent a newer token. */
export const readyMessage = async (deps: HubDeps, actor: UserActor): Promise<Reply> => ({
  type: 'ready',
  user: await profile(deps, actor),
  session_id: actor.sessionId,
  expires_at: actor.expiresAt.toISOString(),
})

/** Removes a closed socket after its current message is handled. */
export function onClose(deps: HubDeps, connection: Connection, code: number) {
  const { id, actor, queue, traffic } = connection
  countClose(traffic, code)
  connection.closeDeadline ??= deps.clock.now()
  queue.clear()
  queue.push(() => cleanup(deps, connection))
  const userId = actor.kind === 'user' ? actor.userId : null
  deps.log.info({ socketId: id, userId, code }, 'realtime.closed')
}

async function cleanup(deps: HubDeps, connection: Connection) {
  removeSocket(deps.hub, connection)
  // At shutdown the rows are deleted with the instance.
  if (deps.hub.isStopping) return
  freeSlot(deps, connection)
  await leaveChannels(deps, connection, [...connection.channels])
}

/** Sends due warnings and pings, and closes sockets that are past a deadline. */
export function checkDeadlines(deps: HubDeps) {
  const { hub, clock } = deps
  const now = clock.now()
  for (const connection of hub.connections.values()) {
    if (connection.closeDeadline) terminateIfOverdue(connection, connection.closeDeadline, now)
    else if (connection.actor.kind === 'user') checkTokenExpiry(deps, connection, connection.actor)
    else checkAuthTimeout(connection, now)
    checkPong(connection, now)
  }
}

function terminateIfOverdue(connection: Connection, closeDeadline: Date, now: Date) {
  if (now >= closeDeadline) connection.socket.terminate()
}

function checkAuthTimeout(connection: Connection, now: Date) {
  const { isSigningIn, openedAt } = connection
  if (!isSigningIn && now >= secondsAfter(openedAt, authSeconds)) close(connection, 'authTimeout', now)
}

function checkTokenExpiry(deps: HubDeps, connection: Connection, actor: UserActor) {
  const now = deps.clock.now()
  const { expiresAt } = actor
  if (expiresAt <= now || !isKeyCurrent(deps, actor)) return close(connection, 'unauthenticated', now)
  if (secondsAfter(now, warningSecondsOf(deps)) < expiresAt || isWarned(connection, expiresAt)) return
  connection.warnedExpiry = expiresAt
  send(connection, { type: 'expiring', in: secondsBetween(now, expiresAt) }, now)
}

// A warning that comes with a new token at once makes a client refresh without end.
const warningSecondsOf = ({ config }: HubDeps) => Math.min(expiryWarningSeconds, config.accessTtlSeconds / 3)

const isWarned = ({ warnedExpiry }: Connection, expiresAt: Date) =>
  warnedExpiry !== null && warnedExpiry >= expiresAt

function checkPong(connection: Connection, now: Date) {
  const { closeDeadline, pingSentAt, nextPingAt, socket } = connection
  if (closeDeadline) return
  if (pingSentAt && now >= secondsAfter(pingSentAt, pongSeconds)) return socket.terminate()
  if (pingSentAt || now < nextPingAt) return
  connection.pingSentAt = now
  socket.ping()
}

const ignored = () => {
  // The client did not send `subscribe`, so it gets no reply.
}
