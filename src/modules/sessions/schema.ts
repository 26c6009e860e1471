import { Type } from '@sinclair/typebox'
import { Id, PageOf } from '../../http/pagination-schemas'
import { strict, Timestamp } from '../../http/schemas'

/** The response of RFC 6749 §5.1, with `refresh_expires_in` added. */
export const TokenPair = Type.Object(
  {
    access_token: Type.String({
      description: 'A JWT. Send it as `Authorization: Bearer …`.',
      examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln'],
    }),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({
      minimum: 0,
      description: 'Seconds until the access token expires.',
      examples: [900],
    }),
    refresh_token: Type.String({
      description: 'A JWT, valid for one refresh.',
      examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6InJ0K2p3dCJ9.e30.c2ln'],
    }),
    refresh_expires_in: Type.Integer({
      minimum: 0,
      description: 'Seconds until the refresh token expires.',
      examples: [604800],
    }),
  },
  {
    title: 'TokenPair',
    description: 'A short-lived access token and a refresh token.',
    ...strict,
  },
)
export type TokenPair = typeof TokenPair.static

export const Session = Type.Object(
  {
    id: Id,
    device_name: Type.Union([Type.String(), Type.Null()], { examples: ['phone'] }),
    user_agent: Type.Union([Type.String(), Type.Null()], { examples: ['curl/8.5.0'] }),
    ip: Type.Union([Type.String(), Type.Null()], { examples: ['192.0.2.7'] }),
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    is_current: Type.Boolean({ description: 'Whether it is the session of this request.', examples: [true] }),
  },
  { title: 'Session', description: 'One login on one device.', ...strict },
)
export type Session = typeof Session.static

export const SessionPage = PageOf(Session, { title: 'SessionPage' })
