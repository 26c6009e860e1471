import { fail } from '../../../core/errors'
import { announce } from '../../../postgres/announce'
import { isMissingReference } from '../../../postgres/database-errors'
import { withTransaction } from '../../../postgres/transaction'
import { hasPermission } from '../channels'
import * as repo from '../repo'
import type { HubDeps } from './hub'
import { type LocalChannel, removeIfEmpty } from './local-channel'

type Member = { channel: string; userId: string; instanceId: string }

/**
 * Writes to the table whether this instance has a subscribed socket of a user. It writes the current state, not one change,
 * so calls may come in any order. Throws `database_unavailable`.
 */
export function syncMember(deps: HubDeps, channel: LocalChannel, userId: string): Promise<void> {
  const previous = channel.pendingSyncs.get(userId) ?? Promise.resolve()
  const work = previous.catch(ignored).then(() => sync(deps, channel, userId))
  const done = work.finally(() => {
    if (channel.pendingSyncs.get(userId) === done) channel.pendingSyncs.delete(userId)
    removeIfEmpty(deps, channel)
  })
  channel.pendingSyncs.set(userId, done)
  return done
}

async function sync(deps: HubDeps, { name, subscriptions, joinedUsers }: LocalChannel, userId: string) {
  const isSubscribed = [...subscriptions.values()].some((subscription) => subscription.userId === userId)
  if (isSubscribed === joinedUsers.has(userId)) return
  const member = { channel: name, userId, instanceId: deps.hub.instanceId }
  if (isSubscribed) {
    await join(deps, member)
    joinedUsers.add(userId)
  } else {
    await leave(deps, member)
    joinedUsers.delete(userId)
  }
}

/** Users whose membership could not be written because of a failure. */
export function unsyncedMembers({ name, subscriptions, joinedUsers }: LocalChannel): string[] {
  if (!hasMembers(name)) return []
  const subscribed = new Set([...subscriptions.values()].map(({ userId }) => userId))
  return [...subscribed.symmetricDifference(joinedUsers)]
}

/** Whether a channel has presence. `system` has none, because every socket is subscribed to it. */
export const hasMembers = (channel: string) =>
  hasPermission({ userId: '', role: 'admin' }, 'presence', channel)

async function join(deps: HubDeps, member: Member) {
  try {
    await insert(deps, member)
  } catch (cause) {
    // Another instance removed this one as dead. The next heartbeat registers it again.
    throw isMissingReference(cause, 'channel_members_instance_id_fkey')
      ? fail('database_unavailable', { cause })
      : cause
  }
}

const insert = (deps: HubDeps, member: Member) =>
  withTransaction(deps, async (deps) => {
    await repo.lockMember(deps.db, member)
    const wasMember = await repo.isMember(deps.db, member)
    await repo.insertMember(deps.db, member)
    const { channel, userId } = member
    if (!wasMember) await announce(deps, { type: 'channel.joined', channel, userId })
  })

/** Removes the member of one instance, and announces the leave when no other instance has that user in the channel. */
const leave = (deps: HubDeps, member: Member) =>
  withTransaction(deps, async (deps) => {
    await repo.lockMember(deps.db, member)
    const wasMember = await repo.deleteMember(deps.db, member)
    const { channel, userId } = member
    if (wasMember && !(await repo.isMember(deps.db, member)))
      await announce(deps, { type: 'channel.left', channel, userId })
  })

/** Removes an instance with its sockets and members. */
export async function removeInstance(deps: HubDeps, instanceId: string) {
  for (const member of await repo.membersOfInstance(deps.db, instanceId)) await leave(deps, member)
  await repo.deleteInstance(deps.db, instanceId)
}

const ignored = () => {
  // The caller of the previous sync has the error. It does not concern this one.
}
