import { fail } from './errors'
import { hasRole, type Role } from './roles'

/** The client of a request. All fields are `null` without a request. */
export type Origin = {
  readonly ip: string | null
  readonly userAgent: string | null
  readonly requestId: string | null
}

/** The user of a verified access token, with the role that the database has now. */
export type Principal = {
  userId: string
  sessionId: string
  role: Role
  /** When the access token ends. */
  expiresAt: Date
  /** The key that signed it. */
  kid: string
}

/** A user who is signed in. */
export type UserActor = Principal & { kind: 'user'; origin: Origin }

/** A request that names no user. */
export type AnonymousActor = { kind: 'anonymous'; origin: Origin }

/** The command line or the service itself, which may do everything. Only `server/as-system` makes one. */
export type SystemActor = { kind: 'system'; origin: Origin }

/** The one on whose authority a verb runs. Types say who may; the guards below hold at run time too, against a cast. */
export type Actor = UserActor | AnonymousActor | SystemActor

/** The signed-in user. Throws `unauthenticated` for any other actor. */
export function requireUser(actor: Actor): UserActor {
  if (actor.kind !== 'user') throw fail('unauthenticated')
  return actor
}

/** Throws `unauthenticated`, or `forbidden` for a user who is no admin. */
export function requireAdmin(actor: Actor): void {
  if (!isAdmin(actor)) throw fail('forbidden')
}

/** Throws `unauthenticated`, or `forbidden` for a user who is neither `ownerId` nor an admin. */
export function requireOwnerOrAdmin(actor: Actor, ownerId: string): void {
  if (!isAdmin(actor) && requireUser(actor).userId !== ownerId) throw fail('forbidden')
}

/** Throws `unauthenticated`, or `forbidden` for a user of any role. */
export function requireSystem(actor: Actor): void {
  if (actor.kind !== 'system') throw fail(actor.kind === 'user' ? 'forbidden' : 'unauthenticated')
}

/** Throws `unauthenticated`. */
const isAdmin = (actor: Actor) => actor.kind === 'system' || hasRole(requireUser(actor).role, 'admin')
