import { createGate } from '../../core/gate'
import { repeatedly } from '../../core/repeat'
import type { Deps } from '../../deps'
import type { Principal } from '../sessions/service'
import {
  beatMilliseconds,
  longestTurnMilliseconds,
  maxAtWork,
  maxAwaitingTurn,
  recheckMilliseconds,
  tickMilliseconds,
} from './limits'
import { type Connection, close, noteAlive, sendAway, spend, type Wire } from './sockets/connection'
import { receive } from './sockets/dispatch'
import type { Hub } from './sockets/hub'
import * as life from './sockets/life'
import { catchUpSoon } from './sockets/local-channel'
import { removeInstance } from './sockets/membership'
import { onNotice, recheck } from './sockets/notices'
import { beat } from './sockets/places'
import { createQueue } from './sockets/queue'
import { createTraffic } from './sockets/traffic'

/** The hub of a process that has no sockets yet. */
export const createHub = (instanceId: string | null): Hub => ({
  instanceId: instanceId ?? crypto.randomUUID(),
  connections: new Map(),
  byUser: new Map(),
  strangers: new Set(),
  channels: new Map(),
  vacated: new Set(),
  vacating: createQueue(1),
  turns: createGate({
    places: maxAtWork,
    queue: maxAwaitingTurn,
    maxWaitMilliseconds: longestTurnMilliseconds,
    refusal: 'overloaded',
  }),
  gaps: 0,
  mustRecheck: false,
  isStopping: false,
  traffic: createTraffic(),
})

/**
 * Finds the connection of each event. `key` is the object that the socket keeps from its opening to its end: the wrapper
 * around it is another one every time.
 */
export function createSockets(deps: Deps) {
  const connections = new WeakMap<object, Connection>()
  const withConnection = (key: object, work: (connection: Connection) => void) => {
    const connection = connections.get(key)
    if (connection) work(connection)
  }
  return {
    open(key: object, socket: object, principal: Principal | null) {
      connections.set(key, life.open(deps, wireOf(socket), principal))
    },
    receive: (key: object, frame: unknown) =>
      withConnection(key, (connection) => receive(deps, connection, frame)),
    /** A ping or a pong, which counts as a message: nobody has reason to send many. */
    beaten: (key: object) =>
      withConnection(key, (connection) => {
        const now = deps.clock.now()
        noteAlive(connection, now)
        if (!spend(connection, now)) close(connection, 'tooManyMessages', now)
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
const patienceMilliseconds = 1000

/** Lets sockets hear of changes, and of time. */
export function startRealtime(deps: Deps): Realtime {
  const { hub, lifecycle, log } = deps
  deps.bus.on((notice) => onNotice(deps, notice))
  const ticking = setInterval(() => life.tick(deps), tickMilliseconds)
  const minding = every(recheckMilliseconds, () => mind(deps))
  const beating = every(beatMilliseconds, async () => {
    if (!lifecycle.isMigrated) return
    try {
      await beat(deps)
    } catch (err) {
      log.debug({ err }, 'realtime.beat_failed')
    }
  })

  return {
    async stop() {
      hub.isStopping = true
      clearInterval(ticking)
      await closeAll(deps)
      await Promise.all([minding.stop(), beating.stop()])
      if (lifecycle.isMigrated)
        await removeInstance(deps, hub.instanceId).catch((err) => log.warn({ err }, 'realtime.stop_failed'))
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
async function mind(deps: Deps) {
  const { hub, listener } = deps
  if (hub.byUser.size > 0 && (!listener.isLive || hub.mustRecheck)) await recheck(deps)
  for (const channel of hub.channels.values()) if (channel.isBehind) catchUpSoon(deps, channel)
}

async function closeAll({ hub, clock }: Deps) {
  for (const connection of hub.connections.values()) sendAway(connection, life.returnWait(hub), clock.now())
  const deadline = performance.now() + patienceMilliseconds
  while (hub.connections.size > 0 && performance.now() < deadline) await Bun.sleep(5)
  for (const { wire } of hub.connections.values()) wire.terminate()
}

/** Runs `work` now and after each pause. */
const every = (milliseconds: number, work: () => Promise<void>) =>
  repeatedly(async () => {
    await work()
    return milliseconds
  })
