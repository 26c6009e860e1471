import type { Principal } from '../../core/actor'
import { fail } from '../../core/errors'
import { hasRole } from '../../core/roles'

type Member = Pick<Principal, 'userId' | 'role'>
type Rule = (member: Member, name: string) => boolean

/** The rules of a channel namespace. */
type Permissions = {
  subscribe: Rule
  publish: Rule
  /** Presence is for members of the channel and admins. This rule restricts it further. */
  presence: Rule
  hasHistory: boolean
}
export type Permission = 'subscribe' | 'publish' | 'presence' | 'history'

const anyone: Rule = () => true
const nobody: Rule = () => false
const admins: Rule = ({ role }) => hasRole(role, 'admin')
const ownerOrAdmin: Rule = ({ userId, role }, name) => name === userId || hasRole(role, 'admin')

/** Namespaces whose channels have a name after the colon. */
const named: Record<string, Permissions> = {
  room: { subscribe: anyone, publish: anyone, presence: anyone, hasHistory: true },
  user: { subscribe: ownerOrAdmin, publish: ownerOrAdmin, presence: ownerOrAdmin, hasHistory: true },
}

/** Namespaces with a single channel. */
const single: Record<string, Permissions> = {
  admin: { subscribe: admins, publish: admins, presence: admins, hasHistory: false },
  system: { subscribe: anyone, publish: admins, presence: nobody, hasHistory: false },
}

/** The channel that every signed-in socket is subscribed to. */
export const systemChannel = 'system'

/** The channel of one user. */
export const channelOf = (userId: string) => `user:${userId}`

/** Whether messages of a channel have an offset and can be recovered. */
export const hasHistory = (channel: string): boolean => permissionsIn(channel)?.hasHistory ?? false

/** Whether a user has a permission in a channel. An unknown namespace permits nothing. */
export function hasPermission(member: Member, permission: Permission, channel: string): boolean {
  const permissions = permissionsIn(channel)
  if (!permissions) return false
  const name = nameIn(channel) ?? ''
  if (permission === 'history') return permissions.hasHistory && permissions.subscribe(member, name)
  return permissions[permission](member, name)
}

/** Throws `forbidden`. */
export function assertPermission(member: Member, permission: Permission, channel: string): void {
  if (!hasPermission(member, permission, channel)) throw fail('forbidden')
}

function permissionsIn(channel: string): Permissions | null {
  const [namespace = '', name] = channel.split(':')
  const table = name === undefined ? single : named
  return Object.hasOwn(table, namespace) ? (table[namespace] ?? null) : null
}

const nameIn = (channel: string) => channel.split(':')[1]
