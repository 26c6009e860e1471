import { Type } from '@sinclair/typebox'
import { Id, PageOf, pageParameters } from '../../http/pagination-schemas'
import { strict, Timestamp } from '../../http/schemas'

/** The types of audit events. The names are stable, because operators filter logs by them. */
export const AuditType = Type.Union(
  [
    Type.Literal('sign_in.succeeded'),
    Type.Literal('sign_in.failed'),
    Type.Literal('sign_in.limited'),
    Type.Literal('refresh.reused'),
    Type.Literal('session.revoked'),
    Type.Literal('password.changed'),
    Type.Literal('email.changed'),
    Type.Literal('role.changed'),
    Type.Literal('user.created'),
    Type.Literal('user.activated'),
    Type.Literal('user.deactivated'),
    Type.Literal('user.deleted'),
    Type.Literal('access.forbidden'),
  ],
  { title: 'AuditType', description: 'Type of the event.' },
)
export type AuditType = typeof AuditType.static

const Text = Type.String()

export const AuditEvent = Type.Object(
  {
    id: Id,
    type: AuditType,
    actor_id: Type.Union([Id, Type.Null()], {
      description: 'Id of the user who caused it. null if nobody was signed in, and for the command line.',
    }),
    target_id: Type.Union([Id, Type.Null()], { description: 'Id of the account that it affects.' }),
    session_id: Type.Union([Id, Type.Null()]),
    ip: Type.Union([Text, Type.Null()], { examples: ['192.0.2.7'] }),
    request_id: Type.Union([Text, Type.Null()], {
      description: 'Id of the request in the log.',
      examples: ['0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
    }),
    details: Type.Record(Type.String(), Type.String(), {
      description: 'More fields, depending on the type, such as a reason or a role.',
      examples: [{}],
    }),
    created_at: Timestamp,
  },
  {
    title: 'AuditEvent',
    description: 'A security event of an account or a session.',
    ...strict,
  },
)
export type AuditEvent = typeof AuditEvent.static

export const AuditEventPage = PageOf(AuditEvent, { title: 'AuditEventPage' })

export const AuditQuery = Type.Object(
  {
    ...pageParameters,
    user_id: Type.Optional({
      ...Id,
      description: 'Only events that this user caused or that affect this user.',
    }),
    type: Type.Optional(AuditType),
  },
  strict,
)
export type AuditQuery = typeof AuditQuery.static
