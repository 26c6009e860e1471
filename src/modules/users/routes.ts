import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { failures, Nothing } from '../../http/shapes'
import { guard } from '../auth/guard'
import { User } from './schema'
import * as users from './service'

export const usersRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users', tags: ['users'] })
    .use(guard(deps))
    .get('/me', ({ principal }) => users.profile(deps, principal.userId), {
      auth: true,
      query: Nothing,
      response: { 200: User, ...failures() },
      detail: {
        operationId: 'getMe',
        summary: 'Your own account',
        description: 'Read from the database, so a changed name or role shows at once.',
      },
    })
