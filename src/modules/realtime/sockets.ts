import type { AnonymousActor, UserActor } from '../../core/actor'
import { runPeriodically } from '../../core/run-periodically'
import { createSemaphore } from '../../core/semaphore'
import type { Deps, Runtime } from '../../deps'
import {
  heartbeatMilliseconds,
  maxConcurrentTasks,
  maxTaskWaitMilliseconds,
  maxWaitingTasks,
  recheckMilliseconds,
  tickMilliseconds,
} from './limits'
import { removeInstance } from './sockets/channel-members'
import {
  type Connection,
  close,
  closeGoingAway,
  type RawSocket,
  recordActivity,
  takeToken,
} from './sockets/connection'
import { receive } from './sockets/dispatch'
import { handleEvent, recheck } from './sockets/handle-event'
import type { Hub, HubDeps } from './sockets/hub'
import { checkDeadlines, onClose, openConnection, reconnectDelay } from './sockets/lifecycle'
import { scheduleCatchUp } from './sockets/local-channel'
import { createQueue } from './sockets/serial-queue'
import { createSocketCounters } from './sockets/socket-counters'
import { heartbeat } from './sockets/socket-slots'

/** Creates a hub without sockets. */
export const createHub = (instanceId: string | null): Hub => ({
  instanceId: instanceId ?? crypto.randomUUID(),
  connections: new Map(),
  byUser: new Map(),
  unauthenticated: new Set(),
  channels: new Map(),
  pendingRemovals: new Set(),
  removalQueue: createQueue(1),
  semaphore: createSemaphore({
    permits: maxConcurrentTasks,
    maxQueued: maxWaitingTasks,
    maxWaitMilliseconds: maxTaskWaitMilliseconds,
    errorCode: 'overloaded',
  }),
  missedEvents: 0,
  mustRecheck: false,
  isStopping: false,
  traffic: createSocketCounters(),
})

/**
 * Handles the events of sockets. `key` identifies a socket, because each event has another wrapper object. See
 * docs/workarounds.md#elysia-ws-object.
 */
export function createSockets(base: Deps, hub: Hub) {
  const deps: HubDeps = { ...base, hub }
  const connections = new WeakMap<object, Connection>()
  const withConnection = (key: object, work: (connection: Connection) => void) => {
    const connection = connections.get(key)
    if (connection) work(connection)
  }
  return {
    open(key: object, socket: object, actor: UserActor | AnonymousActor) {
      connections.set(key, openConnection(deps, rawSocketOf(socket), actor))
    },
    receive: (key: object, frame: unknown) =>
      withConnection(key, (connection) => receive(deps, connection, frame)),
    /** Handles a ping or a pong. Both count as messages of the rate limit. */
    onHeartbeat: (key: object) =>
      withConnection(key, (connection) => {
        const now = deps.clock.now()
        recordActivity(connection, now)
        if (!takeToken(connection, now)) close(connection, 'tooManyMessages', now)
      }),
    close: (key: object, code: number) =>
      withConnection(key, (connection) => onClose(deps, connection, code)),
  }
}

export type Realtime = {
  /** Closes all sockets with 1001, each with its own reconnect delay, and removes this instance from the tables. */
  stop(): Promise<void>
}

// A client that does not complete the closing handshake must not delay the shutdown.
const closeTimeoutMilliseconds = 1000

type RealtimeRuntime = Pick<Runtime, 'deps' | 'hub' | 'lifecycle' | 'listener'>

/** Starts what acts on sockets: events, deadlines, heartbeats, and checks while the listener is disconnected. */
export function startRealtime(runtime: RealtimeRuntime): Realtime {
  const { hub, lifecycle, listener } = runtime
  const deps: HubDeps = { ...runtime.deps, hub }
  const { events, log } = deps
  events.on((event) => handleEvent(deps, event))
  const deadlines = setInterval(() => checkDeadlines(deps), tickMilliseconds)
  const reconciling = every(recheckMilliseconds, () => reconcile(deps, listener))
  const heartbeats = every(heartbeatMilliseconds, async () => {
    if (!lifecycle.isMigrated) return
    try {
      await heartbeat(deps)
    } catch (err) {
      log.debug({ err }, 'realtime.heartbeat_failed')
    }
  })

  return {
    async stop() {
      hub.isStopping = true
      clearInterval(deadlines)
      await closeAll(deps)
      await Promise.all([reconciling.stop(), heartbeats.stop()])
      if (lifecycle.isMigrated)
        await removeInstance(deps, hub.instanceId).catch((err) =>
          log.warn({ err }, 'realtime.deregistration_failed'),
        )
    },
  }
}

/** Bun's socket has `getBufferedAmount`, but Elysia's type leaves it out. */
function rawSocketOf(socket: object): RawSocket {
  if (!isRawSocket(socket)) throw new Error('the socket has no getBufferedAmount')
  return socket
}

const isRawSocket = (socket: object): socket is RawSocket => 'getBufferedAmount' in socket

/** Checks all sockets while the listener is disconnected, and retries channels that could not read their messages. */
async function reconcile(deps: HubDeps, listener: Runtime['listener']) {
  const { hub } = deps
  if (hub.byUser.size > 0 && (!listener.isLive || hub.mustRecheck)) await recheck(deps)
  for (const channel of hub.channels.values()) if (channel.isBehind) scheduleCatchUp(deps, channel)
}

/** See docs/workarounds.md#bun-stop-sockets. */
async function closeAll({ hub, clock }: HubDeps) {
  for (const connection of hub.connections.values())
    closeGoingAway(connection, reconnectDelay(hub), clock.now())
  const deadline = performance.now() + closeTimeoutMilliseconds
  while (hub.connections.size > 0 && performance.now() < deadline) await Bun.sleep(5)
  for (const { socket } of hub.connections.values()) socket.terminate()
}

/** Runs `work` now and after each pause. */
const every = (milliseconds: number, work: () => Promise<void>) =>
  runPeriodically(async () => {
    await work()
    return milliseconds
  })
