import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { failures } from '../../http/schemas'
import { guard } from '../auth/guard'
import { AuditEventPage, AuditQuery } from './schema'
import * as audit from './service'

export const auditRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/audit-events', tags: ['audit'] })
    .use(guard(deps))
    .get('', ({ actor, query }) => audit.list(deps, actor, query), {
      auth: { role: 'admin' },
      query: AuditQuery,
      response: { 200: AuditEventPage, ...failures() },
      detail: {
        operationId: 'listAuditEvents',
        summary: 'List audit events',
        description:
          'Newest first: logins, ended sessions, changes of passwords, e-mail addresses, roles and accounts, and refused requests. Events are kept for 400 days, also those of deleted accounts.',
      },
    })
