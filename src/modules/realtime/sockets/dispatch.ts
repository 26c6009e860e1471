import { Value } from '@sinclair/typebox/value'
import { requireUser } from '../../../core/actor'
import { type ErrorCode, type Failure, fail, failureIn } from '../../../core/errors'
import { authenticate, validateSession } from '../../sessions/service'
import { hasHistory } from '../channels'
import { maxErrors } from '../limits'
import { type ClientMessage, clientMessages, type Reply, titleOf } from '../messages'
import * as realtime from '../service'
import { type Connection, close, recordActivity, send, takeToken } from './connection'
import type { HubDeps } from './hub'
import { readyMessage, signIn } from './lifecycle'
import { openChannel } from './local-channel'
import { dropForbidden, subscribe, unsubscribe } from './subscriptions'

type Context = { deps: HubDeps; connection: Connection }
type MessageOf<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>
type Id = ClientMessage['id']

/** Queues a frame behind the earlier ones of its socket. See docs/workarounds.md#elysia-ws-concurrent. */
export function receive(deps: HubDeps, connection: Connection, frame: unknown) {
  const now = deps.clock.now()
  deps.hub.traffic.received++
  if (connection.closeDeadline) return
  recordActivity(connection, now)
  if (!takeToken(connection, now)) return close(connection, 'tooManyMessages', now)
  const isQueued = connection.queue.push(() => handleFrame({ deps, connection }, frame))
  if (!isQueued) close(connection, 'cannotKeepUp', now)
}

/** A frame may be parsed already. See docs/workarounds.md#elysia-ws-frames. */
async function handleFrame(context: Context, frame: unknown) {
  const value = typeof frame === 'string' ? parse(frame) : frame
  const id = messageIdOf(value)
  try {
    const message = read(value)
    const reply = await withPermit(context, message)
    if (reply) sendReply(context, reply, id)
  } catch (error) {
    sendError(context, failureIn(error) ?? fail('internal', { cause: error }), id)
  }
}

const sendReply = ({ deps, connection }: Context, reply: Reply, id: Id) =>
  send(connection, id === undefined ? reply : { ...reply, id }, deps.clock.now())

const serverErrors: ReadonlySet<ErrorCode> = new Set(['internal', 'database_unavailable', 'overloaded'])

/** Sends an error. A socket is closed after too many client errors, and at once when its first token is not valid. */
function sendError({ deps, connection }: Context, failure: Failure, id: Id) {
  const { code, errors, cause } = failure
  const now = deps.clock.now()
  if (code === 'internal') deps.log.error({ err: cause, socketId: connection.id }, 'realtime.internal_error')
  const [first] = errors
  const message = first ? `${titleOf(code)}: ${first.pointer} ${first.message}` : titleOf(code)
  send(connection, { type: 'error', ...(id !== undefined && { id }), code, message }, now)
  if (code === 'invalid_token' && connection.actor.kind === 'anonymous')
    return close(connection, 'unauthenticated', now)
  if (serverErrors.has(code)) return
  connection.errors++
  if (connection.errors >= maxErrors) close(connection, 'badMessages', now)
}

/** A `ping` needs no permit. The `auth` timeout stops while `auth` waits for one. */
async function withPermit(context: Context, message: ClientMessage): Promise<Reply | null> {
  const { deps, connection } = context
  if (message.type === 'ping') return handle(context, message)
  connection.isSigningIn = message.type === 'auth'
  try {
    return await deps.hub.semaphore.run(() => handle(context, message))
  } finally {
    connection.isSigningIn = false
  }
}

async function handle(context: Context, message: ClientMessage): Promise<Reply | null> {
  // The socket may have closed while the message was queued.
  if (context.connection.closeDeadline) return null
  if (message.type === 'auth') return auth(context, message)
  if (!(await revalidate(context))) return null
  switch (message.type) {
    case 'ping':
      return { type: 'pong' }
    case 'subscribe':
      return subscribeTo(context, message)
    case 'unsubscribe':
      await unsubscribe(context.deps, context.connection, message.channel)
      return { type: 'unsubscribed', channel: message.channel }
    case 'publish':
      return publish(context, message)
    case 'presence':
      return {
        type: 'presence',
        ...(await realtime.presence(context.deps, actorIn(context), message.channel)),
      }
    case 'broadcast':
      return {
        type: 'broadcasted',
        delivered: await realtime.broadcast(context.deps, actorIn(context), message.data),
      }
    case 'disconnect':
      return {
        type: 'disconnected',
        count: await realtime.disconnect(context.deps, actorIn(context), message.user_id),
      }
  }
}

/** Throws `unauthenticated`. */
const actorIn = ({ connection }: Context) => requireUser(connection.actor)

/**
 * Checks the session again, with the same cache as HTTP requests. Closes the socket and returns false when the session has
 * ended. Throws `unauthenticated` before `auth`.
 */
async function revalidate({ deps, connection }: Context): Promise<boolean> {
  const before = requireUser(connection.actor)
  try {
    const now = await validateSession(deps, before)
    connection.actor = { ...requireUser(connection.actor), role: now.role }
    if (now.role !== before.role) dropForbidden(deps, connection)
    return true
  } catch (error) {
    if (failureIn(error)?.code !== 'invalid_token') throw error
    close(connection, 'unauthenticated', deps.clock.now())
    return false
  }
}

async function auth({ deps, connection }: Context, { token }: MessageOf<'auth'>): Promise<Reply | null> {
  const { actor: before } = connection
  const actor = await authenticate(deps, before.origin, token)
  if (actor.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  if (before.kind === 'anonymous') return signIn(deps, connection, actor)
  // A token of another session could be of another user, who would inherit the subscriptions.
  if (before.sessionId !== actor.sessionId) throw fail('forbidden')
  if (actor.expiresAt >= before.expiresAt) connection.actor = actor
  return readyMessage(deps, requireUser(connection.actor))
}

async function subscribeTo(context: Context, { channel, since, id }: MessageOf<'subscribe'>): Promise<null> {
  const reply = (message: Reply) => sendReply(context, message, id)
  await subscribe(context.deps, context.connection, { channel, since: since ?? null, reply })
  return null
}

/**
 * Publishes a message. A subscribed socket gets `published` in the order of the channel, so that the offsets it receives
 * only grow. Any other socket gets it at once.
 */
async function publish(context: Context, { channel, data, id }: MessageOf<'publish'>): Promise<Reply | null> {
  const { deps, connection } = context
  const published = (offset: number) =>
    ({ type: 'published', channel, ...(hasHistory(channel) && { offset }) }) as const
  let isAcknowledged = false
  connection.acknowledge = (publishedTo, offset) => {
    if (isAcknowledged || publishedTo !== channel) return
    isAcknowledged = true
    sendReply(context, published(offset), id)
  }
  try {
    const input = { channel, data, socketId: connection.id }
    const { offset } = await realtime.publish(deps, requireUser(connection.actor), input)
    const local = connection.channels.has(channel) ? openChannel(deps, channel) : null
    await local?.deliveryQueue.settled()
    return isAcknowledged ? null : published(offset)
  } finally {
    connection.acknowledge = null
  }
}

/** Throws `malformed_body`, `validation_failed`. */
function read(value: unknown): ClientMessage {
  if (!isObject(value)) throw fail('malformed_body')
  const type = 'type' in value && typeof value.type === 'string' ? value.type : ''
  if (!isKnown(type)) throw invalid('/type', 'is not known')
  const schema = clientMessages[type]
  if (isMessage(value, schema)) return value
  const [first] = Value.Errors(schema, value)
  throw invalid(first?.path ?? '', first?.message ?? 'is not valid')
}

/** False for an array, and for the bytes of a binary frame. */
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

const isKnown = (type: string): type is ClientMessage['type'] => Object.hasOwn(clientMessages, type)

const isMessage = (
  value: unknown,
  schema: (typeof clientMessages)[ClientMessage['type']],
): value is ClientMessage => Value.Check(schema, value)

const maxPointer = 100
const invalid = (pointer: string, message: string) =>
  fail('validation_failed', { errors: [{ pointer: pointer.slice(0, maxPointer), message }] })

function parse(frame: string): unknown {
  try {
    return JSON.parse(frame)
  } catch {
    return null
  }
}

const maxId = 64

/** The `id` of a message for its reply, even when the rest of the message is not valid. */
function messageIdOf(value: unknown): Id {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  const { id } = value
  const isId = typeof id === 'number' || (typeof id === 'string' && id.length <= maxId)
  return isId ? id : undefined
}
