import type { Semaphore } from '../../../core/semaphore'
import type { Deps } from '../../../deps'
import type { Connection } from './connection'
import type { LocalChannel } from './local-channel'
import type { Queue } from './serial-queue'
import type { SocketCounters } from './socket-counters'

/** The open sockets of this process and their channels. */
export type Hub = {
  /** Identifies this process in the tables of sockets and members. */
  readonly instanceId: string
  readonly connections: Map<string, Connection>
  readonly byUser: Map<string, Set<Connection>>
  /** Sockets that have not sent a credential yet. */
  readonly unauthenticated: Set<Connection>
  readonly channels: Map<string, LocalChannel>
  /** Closed sockets whose rows are not deleted yet, and the queue that deletes them. */
  readonly pendingRemovals: Set<string>
  readonly removalQueue: Queue
  /** Limits concurrent work for sockets, so that many of them do not delay HTTP requests. */
  readonly semaphore: Semaphore
  /** How often events may have been missed. */
  missedEvents: number
  /** Whether a check of sessions failed and must be repeated. */
  mustRecheck: boolean
  isStopping: boolean
  readonly traffic: SocketCounters
}

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
