import { requireUser } from '../../../core/actor'
import { isMissingReference } from '../../../postgres/database-errors'
import { deadAfterSeconds, maxSocketsPerUser } from '../limits'
import * as repo from '../repo'
import { removeInstance, syncMember, unsyncedMembers } from './channel-members'
import type { Connection } from './connection'
import type { HubDeps } from './hub'
import { signedIn } from './hub'

// Others may take the place that was just free; each attempt that fails means that one of them succeeded.
const attempts = maxSocketsPerUser

/** Takes one of the places of a user for a socket; false when there is none. */
export async function takeSlot(deps: HubDeps, connection: Connection, userId: string): Promise<boolean> {
  const { id } = connection
  const { instanceId } = deps.hub
  connection.hasSlot = true
  for (let attempt = 0; attempt < attempts; attempt++) {
    const isTaken = await insert(deps, { id, userId, instanceId, max: maxSocketsPerUser })
    if (isTaken) return true
    const isFull = (await repo.countSockets(deps.db, userId)) >= maxSocketsPerUser
    // Who comes back after a crash must not find the places taken by the sockets that it cut off.
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

/** Frees the place of a socket that is gone. Those that go together share a statement; one that fails is for the next beat. */
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

/** Says that this instance lives, removes those that do not, and repairs what an outage of the database left undone. */
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
 * Removes instances that have not been seen for a while, and answers whether there were any. Of an embedded database
 * nobody else can have a socket: what stands there was left by a process that was killed.
 */
async function removeDead(deps: HubDeps): Promise<boolean> {
  const { db, events, hub } = deps
  const silent =
    events.instanceId === null ? await repo.instances(db) : await repo.deadInstances(db, deadAfterSeconds)
  const dead = silent.filter((id) => id !== hub.instanceId)
  for (const id of dead) await removeInstance(deps, id)
  return dead.length > 0
}

/** The others took this instance for dead, or it is new: everything it has is written again. */
async function registerInstance(deps: HubDeps) {
  const { hub } = deps
  for (const channel of hub.channels.values()) channel.present.clear()
  for (const { id, actor } of signedIn(hub)) {
    const { userId } = requireUser(actor)
    await repo.insertSocket(deps.db, { id, userId, instanceId: hub.instanceId, max: maxSocketsPerUser })
  }
}
