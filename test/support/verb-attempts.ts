import type { AnonymousActor } from '../../src/core/actor'
import * as audit from '../../src/modules/audit/service'
import * as auth from '../../src/modules/auth/service'
import * as tokenGrant from '../../src/modules/auth/token-grant'
import * as health from '../../src/modules/health/service'
import * as realtime from '../../src/modules/realtime/service'
import * as tickets from '../../src/modules/realtime/tickets'
import * as devices from '../../src/modules/sessions/manage-sessions'
import * as refreshing from '../../src/modules/sessions/refresh'
import * as sessions from '../../src/modules/sessions/service'
import * as administration from '../../src/modules/users/administration'
import * as firstAdmin from '../../src/modules/users/first-admin'
import * as users from '../../src/modules/users/service'
import * as userPassword from '../../src/modules/users/user-password'
import { aPassword } from './client'
import type { Person } from './people'
import type { Service } from './service'

/** The verbs of modules, by the files that routes and the server call. */
export const modules: Record<string, Record<string, unknown>> = {
  'audit/service': audit,
  'auth/service': auth,
  'auth/token-grant': tokenGrant,
  'health/service': health,
  'realtime/service': realtime,
  'realtime/tickets': tickets,
  'sessions/manage-sessions': devices,
  'sessions/refresh': refreshing,
  'sessions/service': sessions,
  'users/administration': administration,
  'users/first-admin': firstAdmin,
  'users/service': users,
  'users/user-password': userPassword,
}

/** The actors and victims of the attempts. */
export type Scene = {
  service: Pick<Service, 'database' | 'lifecycle'>
  deps: Service['deps']
  victim: Person
  victimSession: { userId: string; sessionId: string }
  /** The user who makes the attempts. */
  other: { id: string }
  anonymous: AnonymousActor
}

/** An error code; `own` if only the account of the actor changes; `nothing` if nothing changes. */
export type Outcome = string
export type Attempt = {
  anonymous: Outcome
  user: Outcome
  /** Calls the verb on another user. The actor has every actor type, as after a cast. */
  call: (actor: never, scene: Scene) => unknown
  /** The reason why every actor may call it, if so. */
  open?: string
}

const refused = (call: Attempt['call'], outcome = 'forbidden'): Attempt => ({
  anonymous: 'unauthenticated',
  user: outcome,
  call,
})
const open = (reason: string, call: Attempt['call'], outcome = 'nothing'): Attempt => ({
  anonymous: outcome,
  user: outcome,
  call,
  open: reason,
})

const wrong = 'not the password of anyone'
const signUp = { email: 'mallory@example.com', password: aPassword }
const maintenance = 'Deletes what has expired, and nothing else.'

/** One attempt for each verb. A new verb needs a row with the expected outcomes. */
export const attempts: Record<string, Attempt> = {
  'audit/service.list': refused((actor, scene) => audit.list(scene.deps, actor, {})),
  'audit/service.record': open('Writes down what a verb did, under the id of the actor.', () => null),
  'audit/service.sweep': open(maintenance, (_, scene) => audit.sweep(scene.deps, 10)),
  'auth/service.login': open(
    'Asks for the password.',
    (actor, scene) => auth.login(scene.deps, actor, { email: scene.victim.email, password: wrong }),
    'invalid_credentials',
  ),
  'auth/token-grant.grant': open(
    'Asks for the password or a refresh token.',
    (actor, scene) =>
      tokenGrant.grant(scene.deps, actor, { grant_type: 'refresh_token', refresh_token: 'x.y.z' }),
    'invalid_refresh_token',
  ),
  'health/service.readiness': open('Tells nothing of any account.', (_, scene) =>
    health.readiness(scene.service),
  ),
  'realtime/service.broadcast': refused((actor, scene) => realtime.broadcast(scene.deps, actor, 'hello')),
  'realtime/service.disconnect': refused((actor, scene) =>
    realtime.disconnect(scene.deps, actor, scene.victim.id),
  ),
  'realtime/service.history': refused((actor, scene) =>
    realtime.history(scene.deps, actor, { channel: `user:${scene.victim.id}` }),
  ),
  'realtime/service.presence': refused((actor, scene) =>
    realtime.presence(scene.deps, actor, `user:${scene.victim.id}`),
  ),
  'realtime/service.publish': refused((actor, scene) =>
    realtime.publish(scene.deps, actor, {
      channel: `user:${scene.victim.id}`,
      data: 'hello',
      socketId: null,
    }),
  ),
  'realtime/service.sweepChannels': open(maintenance, (_, scene) => realtime.sweepChannels(scene.deps, 10)),
  'realtime/service.sweepMessages': open(maintenance, (_, scene) => realtime.sweepMessages(scene.deps, 10)),
  'realtime/service.sweepTickets': open(maintenance, (_, scene) => realtime.sweepTickets(scene.deps, 10)),
  'realtime/tickets.issue': refused((actor, scene) => tickets.issue(scene.deps, actor), 'own'),
  'realtime/tickets.redeem': open(
    'Asks for the ticket.',
    (_, scene) => tickets.redeem(scene.deps, scene.anonymous.origin, 'no-ticket'),
    'invalid_token',
  ),
  'sessions/manage-sessions.list': refused((actor, scene) => devices.list(scene.deps, actor, {}), 'own'),
  'sessions/manage-sessions.listOf': refused((actor, scene) =>
    devices.listOf(scene.deps, actor, { userId: scene.victim.id }),
  ),
  'sessions/manage-sessions.revokeAllOf': refused((actor, scene) =>
    devices.revokeAllOf(scene.deps, actor, scene.victim.id),
  ),
  'sessions/manage-sessions.revokeOwn': refused(
    (actor, scene) => devices.revokeOwn(scene.deps, actor, scene.victimSession.sessionId),
    'not_found',
  ),
  'sessions/refresh.refresh': open(
    'Asks for a refresh token.',
    (actor, scene) => refreshing.refresh(scene.deps, actor, scene.victim.access_token),
    'invalid_refresh_token',
  ),
  'sessions/service.authenticate': open(
    'Asks for an access token.',
    (_, scene) => sessions.authenticate(scene.deps, scene.anonymous.origin, scene.victim.refresh_token),
    'invalid_token',
  ),
  'sessions/service.deviceOf': refused((actor, scene) => sessions.deviceOf(scene.deps, actor), 'own'),
  'sessions/service.isKeyCurrent': open('Looks at a key id alone.', (_, scene) =>
    sessions.isKeyCurrent(scene.deps, { kid: 'unknown' }),
  ),
  'sessions/service.knownNetwork': open('Part of a sign-in, which tells nobody.', (actor, scene) =>
    sessions.knownNetwork(scene.deps, actor, scene.victim.email),
  ),
  'sessions/service.logout': open(
    'Asks for a token.',
    (actor, scene) => sessions.logout(scene.deps, actor, { access_token: scene.victim.refresh_token }),
    'invalid_token',
  ),
  'sessions/service.open': open('Asks for the hash of the password that was checked.', (actor, scene) => {
    const device = { deviceName: null, userAgent: null, ip: null }
    return sessions.open(scene.deps, actor, { user: { id: scene.victim.id, passwordHash: wrong }, device })
  }),
  'sessions/service.revoke': refused(
    (actor, scene) => sessions.revoke(scene.deps, actor, { ...scene.victimSession, reason: 'logged_out' }),
    'nothing',
  ),
  'sessions/service.revokeAll': refused((actor, scene) =>
    sessions.revokeAll(scene.deps, actor, { userId: scene.victim.id, reason: 'logged_out' }),
  ),
  'sessions/service.rolesOf': open('Looks up the sockets of this process.', (_, scene) =>
    sessions.rolesOf(scene.deps, [scene.victimSession.sessionId]),
  ),
  'sessions/service.sweepSessions': open(maintenance, (_, scene) => sessions.sweepSessions(scene.deps, 10)),
  'sessions/service.sweepTokens': open(maintenance, (_, scene) => sessions.sweepTokens(scene.deps, 10)),
  'sessions/service.validateSession': open(
    'Asks for the key id of a verified token.',
    (_, scene) => {
      const claims = { ...scene.victimSession, expiresAt: new Date(8.64e15), origin: scene.anonymous.origin }
      return sessions.validateSession(scene.deps, { ...claims, kid: 'unknown' })
    },
    'invalid_token',
  ),
  'users/administration.change': refused((actor, scene) =>
    administration.change(scene.deps, actor, { id: scene.other.id, role: 'admin' }),
  ),
  'users/administration.create': refused((actor, scene) =>
    administration.create(scene.deps, actor, { ...signUp, role: 'admin' }),
  ),
  'users/administration.get': refused((actor, scene) =>
    administration.get(scene.deps, actor, scene.victim.id),
  ),
  'users/administration.getByEmail': refused((actor, scene) =>
    administration.getByEmail(scene.deps, actor, scene.victim.email),
  ),
  'users/administration.list': refused((actor, scene) => administration.list(scene.deps, actor, {})),
  'users/administration.remove': refused((actor, scene) =>
    administration.remove(scene.deps, actor, scene.victim.id),
  ),
  'users/first-admin.ensureFirstAdmin': refused((actor, scene) =>
    firstAdmin.ensureFirstAdmin(scene.deps, actor, signUp),
  ),
  'users/service.changeMe': refused(
    (actor, scene) => users.changeMe(scene.deps, actor, { display_name: 'Other' }),
    'own',
  ),
  'users/service.profile': refused((actor, scene) => users.profile(scene.deps, actor), 'own'),
  'users/service.register': open(
    'Anyone may sign up, with an address that is free.',
    (actor, scene) => users.register(scene.deps, actor, { email: scene.victim.email, password: aPassword }),
    'email_taken',
  ),
  'users/service.removeMe': refused(
    (actor, scene) => users.removeMe(scene.deps, actor, { current_password: wrong }),
    'wrong_password',
  ),
  'users/user-password.changePassword': refused(
    (actor, scene) =>
      userPassword.changePassword(scene.deps, actor, { current_password: wrong, new_password: aPassword }),
    'wrong_password',
  ),
  'users/user-password.checkPassword': open('Checks the password.', (_, scene) =>
    userPassword.checkPassword(scene.deps, scene.victim.email, wrong),
  ),
  'users/user-password.reauthenticate': refused(
    (actor, scene) => userPassword.reauthenticate(scene.deps, actor, wrong),
    'wrong_password',
  ),
}
