import { Type } from '@sinclair/typebox'
import { strict } from '../../http/schemas'
import { Email, oneLine, Password } from '../users/schema'

export const Login = Type.Object(
  {
    email: Email,
    password: Password,
    device_name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: oneLine,
        description: 'Name of this session in the list of sessions.',
        examples: ['phone'],
      }),
    ),
  },
  { title: 'Login', ...strict },
)
export type Login = typeof Login.static

const RefreshToken = Type.String({
  minLength: 1,
  maxLength: 2048,
  examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6InJ0K2p3dCJ9.e30.c2ln'],
})

export const Refresh = Type.Object({ refresh_token: RefreshToken }, { title: 'Refresh', ...strict })
export type Refresh = typeof Refresh.static

export const Logout = Type.Object(
  { refresh_token: Type.Optional(RefreshToken) },
  { title: 'Logout', examples: [{}], ...strict },
)
export type Logout = typeof Logout.static

/** Optional in the schema, because each grant requires other parameters. */
const GrantParameter = (description: string, maxLength: number) =>
  Type.Optional(Type.String({ maxLength, description }))

/** RFC 6749 §4.3.2 and §6. Other parameters, such as `client_id`, are ignored (§3.2). */
export const TokenRequest = Type.Object(
  {
    grant_type: Type.String({ description: '`password` or `refresh_token`.' }),
    username: GrantParameter('The e-mail address, for the grant `password`.', 320),
    password: GrantParameter('For the grant `password`.', 1024),
    refresh_token: GrantParameter('For the grant `refresh_token`.', 2048),
    scope: Type.Optional(
      Type.String({ description: 'Must be empty if it is sent, because there are no scopes.' }),
    ),
  },
  {
    title: 'TokenRequest',
    additionalProperties: true,
    examples: [{ grant_type: 'password', username: 'ada@example.com', password: 'a quiet green lantern' }],
  },
)
export type TokenRequest = typeof TokenRequest.static
