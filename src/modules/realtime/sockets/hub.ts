import type { Semaphore } from '../../../core/semaphore'
import type { Deps } from '../../../deps'
import type { Connection } from './connection'
import type { LocalChannel } from './local-channel'
import type { Queue } from './serial-queue'
import type { SocketCounters } from './socket-counters'

/** The open sockets of this process and the channels they listen to. */
export type Hub = {
  /** Names this process in the tables of sockets and members. */
  readonly instanceId: string
  readonly connections: Map<string, Connection>
  readonly byUser: Map<string, Set<Connection>>
  /** Sockets that came without a credential and have not sent one yet. */
  readonly unauthenticated: Set<Connection>
  readonly channels: Map<string, LocalChannel>
  /** Sockets that are gone and may still have a row, and the work under way to delete those. */
  readonly pendingRemovals: Set<string>
  readonly removalQueue: Queue
  /** Bounds what sockets ask of the database at once: a crowd of them must not keep requests over HTTP waiting. */
  readonly semaphore: Semaphore
  /** Counts how often notices may have been missed. */
  gaps: number
  /** Some sockets could not be looked up when they should have been. */
  mustRecheck: boolean
  isStopping: boolean
  readonly traffic: SocketCounters
}

/** What the sockets of this process are given. */
export type HubDeps = Deps & { hub: Hub }

/** The signed-in sockets of a user on this instance. */
export const socketsOf = (hub: Hub, userId: string): Connection[] => [...(hub.byUser.get(userId) ?? [])]

/** The signed-in sockets of this instance. */
export const signedIn = (hub: Hub): Connection[] =>
  [...hub.byUser.values()].flatMap((sockets) => [...sockets])

export function addSocket(hub: Hub, userId: string, connection: Connection) {
  hub.unauthenticated.delete(connection)
  const sockets = hub.byUser.get(userId) ?? new Set()
  hub.byUser.set(userId, sockets.add(connection))
}

export function removeSocket(hub: Hub, connection: Connection) {
  hub.connections.delete(connection.id)
  hub.unauthenticated.delete(connection)
  if (connection.actor.kind === 'anonymous') return
  const { userId } = connection.actor
  const sockets = hub.byUser.get(userId)
  sockets?.delete(connection)
  if (sockets?.size === 0) hub.byUser.delete(userId)
}
