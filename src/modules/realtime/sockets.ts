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
  recordActivity,
  takeToken,
  type Wire,
} from './sockets/connection'
import { receive } from './sockets/dispatch'
import { onNotice, recheck } from './sockets/handle-event'
import type { Hub, HubDeps } from './sockets/hub'
import * as life from './sockets/lifecycle'
import { scheduleCatchUp } from './sockets/local-channel'
import { createQueue } from './sockets/serial-queue'
import { createSocketCounters } from './sockets/socket-counters'
import { heartbeat } from './sockets/socket-slots'

/** The hub of a process that has no sockets yet. */
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
  gaps: 0,
  mustRecheck: false,
  isStopping: false,
  traffic: createSocketCounters(),
})

/**
 * Finds the connection of each event. `key` is the object that the socket keeps from its opening to its end: the wrapper
 * around it is another one every time.
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
      connections.set(key, life.open(deps, wireOf(socket), actor))
    },
    receive: (key: object, frame: unknown) =>
      withConnection(key, (connection) => receive(deps, connection, frame)),
    /** A ping or a pong, which counts as a message: nobody has reason to send many. */
    onHeartbeat: (key: object) =>
      withConnection(key, (connection) => {
        const now = deps.clock.now()
        recordActivity(connection, now)
        if (!takeToken(connection, now)) close(connection, 'tooManyMessages', now)
      }),
    closed: (key: object, code: number) =>
      withConnection(key, (connection) => life.closed(deps, connection, code)),
  }
}

export type Realtime = {
  /** Closes every socket with 1001, each with a wait of its own before it comes back, and takes this instance out of the tables. */
  stop(): Promise<void>
}

// A client that does not answer a close keeps nobody waiting.
const closeTimeoutMilliseconds = 1000

type RealtimeRuntime = Pick<Runtime, 'deps' | 'hub' | 'lifecycle' | 'listener'>

/** Lets sockets hear of changes, and of time. */
export function startRealtime(runtime: RealtimeRuntime): Realtime {
  const { hub, lifecycle, listener } = runtime
  const deps: HubDeps = { ...runtime.deps, hub }
  const { events, log } = deps
  events.on((notice) => onNotice(deps, notice))
  const ticking = setInterval(() => life.tick(deps), tickMilliseconds)
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
      clearInterval(ticking)
      await closeAll(deps)
      await Promise.all([reconciling.stop(), heartbeats.stop()])
      if (lifecycle.isMigrated)
        await removeInstance(deps, hub.instanceId).catch((err) =>
          log.warn({ err }, 'realtime.deregistration_failed'),
        )
    },
  }
}

/** Bun's socket, of which Elysia's types leave out how much is unsent. */
function wireOf(socket: object): Wire {
  if (!isWire(socket)) throw new Error('the socket does not tell what is unsent')
  return socket
}

const isWire = (socket: object): socket is Wire => 'getBufferedAmount' in socket

/** While notices do not arrive, every socket is looked up; what a channel could not read is tried again. */
async function reconcile(deps: HubDeps, listener: Runtime['listener']) {
  const { hub } = deps
  if (hub.byUser.size > 0 && (!listener.isLive || hub.mustRecheck)) await recheck(deps)
  for (const channel of hub.channels.values()) if (channel.isBehind) scheduleCatchUp(deps, channel)
}

async function closeAll({ hub, clock }: HubDeps) {
  for (const connection of hub.connections.values())
    closeGoingAway(connection, life.reconnectDelay(hub), clock.now())
  const deadline = performance.now() + closeTimeoutMilliseconds
  while (hub.connections.size > 0 && performance.now() < deadline) await Bun.sleep(5)
  for (const { wire } of hub.connections.values()) wire.terminate()
}

/** Runs `work` now and after each pause. */
const every = (milliseconds: number, work: () => Promise<void>) =>
  runPeriodically(async () => {
    await work()
    return milliseconds
  })
