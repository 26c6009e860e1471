import { fail } from '../../../core/errors'
import { announce } from '../../../postgres/announce'
import { isMissingReference } from '../../../postgres/database-errors'
import { withTransaction } from '../../../postgres/transaction'
import { may } from '../channels'
import * as repo from '../repo'
import type { HubDeps } from './hub'
import { forgetIfEmpty, type LocalChannel } from './local-channel'

type Member = { channel: string; userId: string; instanceId: string }

/**
 * Makes the table say whether a user is in a channel through this instance. Told of any change, in any order, the last
 * word is what is so at the end. Throws `database_unavailable`.
 */
export function syncMember(deps: HubDeps, channel: LocalChannel, userId: string): Promise<void> {
  const before = channel.syncing.get(userId) ?? Promise.resolve()
  const work = before.catch(ignored).then(() => sync(deps, channel, userId))
  const done = work.finally(() => {
    if (channel.syncing.get(userId) === done) channel.syncing.delete(userId)
    forgetIfEmpty(deps, channel)
  })
  channel.syncing.set(userId, done)
  return done
}

async function sync(deps: HubDeps, { name, subscriptions, present }: LocalChannel, userId: string) {
  const isWanted = [...subscriptions.values()].some((subscription) => subscription.userId === userId)
  if (isWanted === present.has(userId)) return
  const member = { channel: name, userId, instanceId: deps.hub.instanceId }
  if (isWanted) {
    await join(deps, member)
    present.add(userId)
  } else {
    await leave(deps, member)
    present.delete(userId)
  }
}

/** Members whom a failure kept from being written. */
export function unsyncedMembers({ name, subscriptions, present }: LocalChannel): string[] {
  if (!hasMembers(name)) return []
  const wanted = new Set([...subscriptions.values()].map(({ userId }) => userId))
  return [...wanted.symmetricDifference(present)]
}

/** Whether a channel has members at all: everyone listens to `system`. */
export const hasMembers = (channel: string) => may({ userId: '', role: 'admin' }, 'presence', channel)

async function join(deps: HubDeps, member: Member) {
  try {
    await insert(deps, member)
  } catch (cause) {
    // This instance was taken for dead, and has not come back yet.
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

/** Takes a user out of a channel as far as one instance goes, and says so when no other has a socket of theirs there. */
const leave = (deps: HubDeps, member: Member) =>
  withTransaction(deps, async (deps) => {
    await repo.lockMember(deps.db, member)
    const wasMember = await repo.deleteMember(deps.db, member)
    const { channel, userId } = member
    if (wasMember && !(await repo.isMember(deps.db, member)))
      await announce(deps, { type: 'channel.left', channel, userId })
  })

/** Removes an instance with its sockets; its members leave. */
export async function removeInstance(deps: HubDeps, instanceId: string) {
  for (const member of await repo.membersOfInstance(deps.db, instanceId)) await leave(deps, member)
  await repo.deleteInstance(deps.db, instanceId)
}

const ignored = () => {
  // Whoever asked for it was told; what is asked now is another matter.
}
