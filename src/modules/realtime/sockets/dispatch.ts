import { Value } from '@sinclair/typebox/value'
import { requireUser } from '../../../core/actor'
import { type ErrorCode, type Failure, fail, failureIn } from '../../../core/errors'
import { authenticate, validateSession } from '../../sessions/service'
import { hasHistory } from '../channels'
import { maxErrors } from '../limits'
import { type Answer, type ClientMessage, clientMessages, titleOf } from '../messages'
import * as realtime from '../service'
import { type Connection, close, recordActivity, send, takeToken } from './connection'
import type { HubDeps } from './hub'
import { enter, readyMessage } from './lifecycle'
import { openChannel } from './local-channel'
import { dropForbidden, subscribe, unsubscribe } from './subscriptions'

type Context = { deps: HubDeps; connection: Connection }
type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>
type Id = ClientMessage['id']

/** Hears a frame: what it asks is done after what was asked before. */
export function receive(deps: HubDeps, connection: Connection, frame: unknown) {
  const now = deps.clock.now()
  deps.hub.traffic.received++
  if (connection.endsAt) return
  recordActivity(connection, now)
  if (!takeToken(connection, now)) return close(connection, 'tooManyMessages', now)
  const isQueued = connection.queue.push(() => answer({ deps, connection }, frame))
  if (!isQueued) close(connection, 'cannotKeepUp', now)
}

async function answer(context: Context, frame: unknown) {
  const value = typeof frame === 'string' ? parse(frame) : frame
  const id = messageIdOf(value)
  try {
    const message = read(value)
    const reply = await withPermit(context, message)
    if (reply) respond(context, reply, id)
  } catch (error) {
    refuse(context, failureIn(error) ?? fail('internal', { cause: error }), id)
  }
}

const respond = ({ deps, connection }: Context, reply: Answer, id: Id) =>
  send(connection, id === undefined ? reply : { ...reply, id }, deps.clock.now())

const serverErrors: ReadonlySet<ErrorCode> = new Set(['internal', 'database_unavailable', 'overloaded'])

/** Answers an error. Those of the client are counted; a token that is good no more ends the socket. */
function refuse({ deps, connection }: Context, failure: Failure, id: Id) {
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

/** A `ping` needs no turn; who signs in is no longer silent while it waits for one. */
async function withPermit(context: Context, message: ClientMessage): Promise<Answer | null> {
  const { deps, connection } = context
  if (message.type === 'ping') return handle(context, message)
  connection.isSigningIn = message.type === 'auth'
  try {
    return await deps.hub.semaphore.run(() => handle(context, message))
  } finally {
    connection.isSigningIn = false
  }
}

async function handle(context: Context, message: ClientMessage): Promise<Answer | null> {
  // It may have left while it waited for its turn.
  if (context.connection.endsAt) return null
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
 * Whether the session still counts, by the same memory that every request asks; the socket is closed when not. Throws
 * `unauthenticated` before `auth`.
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

async function auth({ deps, connection }: Context, { token }: Of<'auth'>): Promise<Answer | null> {
  const { actor: before } = connection
  const actor = await authenticate(deps, before.origin, token)
  if (actor.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  if (before.kind === 'anonymous') return enter(deps, connection, actor)
  // Another session would be another identity: whoever wants that opens another socket.
  if (before.sessionId !== actor.sessionId) throw fail('forbidden')
  if (actor.expiresAt >= before.expiresAt) connection.actor = actor
  return readyMessage(deps, requireUser(connection.actor))
}

async function subscribeTo(context: Context, { channel, since, id }: Of<'subscribe'>): Promise<null> {
  const reply = (answer: Answer) => respond(context, answer, id)
  await subscribe(context.deps, context.connection, { channel, since: since ?? null, reply })
  return null
}

/**
 * Publishes. A socket that is subscribed hears of its own message in its place among the others, so that the offsets it
 * sees only grow; any other once it is published.
 */
async function publish(context: Context, { channel, data, id }: Of<'publish'>): Promise<Answer | null> {
  const { deps, connection } = context
  const published = (offset: number) =>
    ({ type: 'published', channel, ...(hasHistory(channel) && { offset }) }) as const
  let isTold = false
  connection.acknowledge = (heard, offset) => {
    if (isTold || heard !== channel) return
    isTold = true
    respond(context, published(offset), id)
  }
  try {
    const input = { channel, data, socketId: connection.id }
    const { offset } = await realtime.publish(deps, requireUser(connection.actor), input)
    const local = connection.channels.has(channel) ? openChannel(deps, channel) : null
    await local?.deliveryQueue.settled()
    return isTold ? null : published(offset)
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

/** Neither a list nor the bytes of a binary frame. */
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

/** What the answer is to carry, also when the rest of the message makes no sense. */
function messageIdOf(value: unknown): Id {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  const { id } = value
  const isId = typeof id === 'number' || (typeof id === 'string' && id.length <= maxId)
  return isId ? id : undefined
}
