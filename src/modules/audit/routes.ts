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
        summary: 'What happened to accounts and sessions',
        description:
          'Newest first: sign-ins, ended sessions, changes of passwords, addresses, roles and accounts, and refusals. Events are kept for 400 days, also those of accounts that are gone.',
      },
    })
