import type { Principal } from '../../core/actor'
import { fail } from '../../core/errors'
import { hasRole } from '../../core/roles'

type Member = Pick<Principal, 'userId' | 'role'>
type Test = (member: Member, name: string) => boolean

/** Who may do what in a kind of channel. */
type Rights = {
  subscribe: Test
  publish: Test
  /** To see who is there: members of the channel and admins, if this says yes. */
  presence: Test
  /** Whether missed messages can be had later. */
  hasHistory: boolean
}
export type Right = 'subscribe' | 'publish' | 'presence' | 'history'

const anyone: Test = () => true
const nobody: Test = () => false
const admins: Test = ({ role }) => hasRole(role, 'admin')
const ownerOrAdmin: Test = ({ userId, role }, name) => name === userId || hasRole(role, 'admin')

/** Kinds that take a name after the colon. */
const named: Record<string, Rights> = {
  room: { subscribe: anyone, publish: anyone, presence: anyone, hasHistory: true },
  user: { subscribe: ownerOrAdmin, publish: ownerOrAdmin, presence: ownerOrAdmin, hasHistory: true },
}

/** Channels of which there is one. */
const single: Record<string, Rights> = {
  admin: { subscribe: admins, publish: admins, presence: admins, hasHistory: false },
  system: { subscribe: anyone, publish: admins, presence: nobody, hasHistory: false },
}

/** The channel that every socket listens to. */
export const systemChannel = 'system'

/** The channel of one user. */
export const channelOf = (userId: string) => `user:${userId}`

/** Whether messages of a channel carry an offset and can be had later. */
export const hasHistory = (channel: string): boolean => rightsIn(channel)?.hasHistory ?? false

/** What no row allows is forbidden, which a channel of an unknown kind is for everyone. */
export function may(member: Member, right: Right, channel: string): boolean {
  const rights = rightsIn(channel)
  if (!rights) return false
  const name = nameIn(channel) ?? ''
  if (right === 'history') return rights.hasHistory && rights.subscribe(member, name)
  return rights[right](member, name)
}

/** Throws `forbidden`. */
export function assertMay(member: Member, right: Right, channel: string): void {
  if (!may(member, right, channel)) throw fail('forbidden')
}

function rightsIn(channel: string): Rights | null {
  const [kind = '', name] = channel.split(':')
  const table = name === undefined ? single : named
  return Object.hasOwn(table, kind) ? (table[kind] ?? null) : null
}

const nameIn = (channel: string) => channel.split(':')[1]
