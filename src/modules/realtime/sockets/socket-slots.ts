import { requireUser } from '../../../core/actor'
import { isMissingReference } from '../../../postgres/database-errors'
import { deadAfterSeconds, maxSocketsPerUser } from '../limits'
import * as repo from '../repo'
import { removeInstance, syncMember, unsyncedMembers } from './channel-members'
import type { Connection } from './connection'
import type { HubDeps } from './hub'
import { signedIn } from './hub'

// Another socket may take the free slot first. Each failed attempt means that one of them succeeded.
const maxAttempts = maxSocketsPerUser

/** Takes a slot of a user for a socket. Returns false when none is free. */
export async function takeSlot(deps: HubDeps, connection: Connection, userId: string): Promise<boolean> {
  const { id } = connection
  const { instanceId } = deps.hub
  connection.hasSlot = true
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const isTaken = await insert(deps, { id, userId, instanceId, max: maxSocketsPerUser })
    if (isTaken) return true
    const isFull = (await repo.countSockets(deps.db, userId)) >= maxSocketsPerUser
    // Sockets of a crashed instance must not keep a user from reconnecting.
    if (isFull && !(await removeDead(deps))) return false
  }
  return false
}

async function insert(deps: HubDeps, socket: Parameters<typeof repo.insertSocket>[1]): Promise<boolean> {
  try {
    return await repo.insertSocket(deps.db, socket)
  } catch (error) {
    if (!isMissingReference(error, 'realtime_sockets_instance_id_fkey')) throw error
    await heartbeat(deps)
    return repo.insertSocket(deps.db, socket)
  }
}

/** Frees the slot of a closed socket. Slots freed together share a statement; the heartbeat retries a failed one. */
export function freeSlot(deps: HubDeps, { id, hasSlot }: Connection) {
  const { pendingRemovals, removalQueue } = deps.hub
  if (!hasSlot) return
  pendingRemovals.add(id)
  removalQueue.push(() =>
    deletePending(deps).catch((err) => deps.log.debug({ err }, 'realtime.slot_release_failed')),
  )
}

async function deletePending(deps: HubDeps) {
  const ids = [...deps.hub.pendingRemovals]
  if (ids.length === 0) return
  await repo.deleteSockets(deps.db, ids)
  for (const id of ids) deps.hub.pendingRemovals.delete(id)
}

/** Records that this instance lives, removes dead ones, and retries writes that failed in a database outage. */
export async function heartbeat(deps: HubDeps) {
  const { hub } = deps
  const wasKnown = await repo.touchInstance(deps.db, hub.instanceId)
  if (!wasKnown) await registerInstance(deps)
  await deletePending(deps)
  for (const channel of [...hub.channels.values()]) {
    for (const userId of unsyncedMembers(channel)) await syncMember(deps, channel, userId)
  }
  await removeDead(deps)
}

/**
 * Removes dead instances and returns whether there were any. On the embedded database, every other instance is a process
 * that was killed.
 */
async function removeDead(deps: HubDeps): Promise<boolean> {
  const { db, events, hub } = deps
  const silent =
    events.instanceId === null ? await repo.instances(db) : await repo.deadInstances(db, deadAfterSeconds)
  const dead = silent.filter((id) => id !== hub.instanceId)
  for (const id of dead) await removeInstance(deps, id)
  return dead.length > 0
}

/** Writes all sockets and members again: this instance is new, or another one removed it as dead. */
async function registerInstance(deps: HubDeps) {
  const { hub } = deps
  for (const channel of hub.channels.values()) channel.joinedUsers.clear()
  for (const { id, actor } of signedIn(hub)) {
    const { userId } = requireUser(actor)
    await repo.insertSocket(deps.db, { id, userId, instanceId: hub.instanceId, max: maxSocketsPerUser })
  }
}
