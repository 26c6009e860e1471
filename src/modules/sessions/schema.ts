import { Type } from '@sinclair/typebox'

/** RFC 6749 §5.1, with the life of the refresh token beside that of the access token. Times in seconds. */
export const TokenPair = Type.Object(
  {
    access_token: Type.String({
      description: 'JWT; send it as `Authorization: Bearer …`.',
      examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln'],
    }),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({
      minimum: 0,
      description: 'Seconds until the access token ends.',
      examples: [900],
    }),
    refresh_token: Type.String({
      description: 'JWT; good for one refresh.',
      examples: ['eyJhbGciOiJIUzI1NiIsInR5cCI6InJ0K2p3dCJ9.e30.c2ln'],
    }),
    refresh_expires_in: Type.Integer({
      minimum: 0,
      description: 'Seconds until the refresh token ends.',
      examples: [604800],
    }),
  },
  {
    title: 'TokenPair',
    description: 'What a sign-in gives: a short-lived access token and a refresh token.',
    additionalProperties: false,
  },
)
export type TokenPair = typeof TokenPair.static
