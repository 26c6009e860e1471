import { describe, expect, test } from 'bun:test'
import { fail } from '../../src/core/errors'
import { formatError } from '../../src/server/format-error'

const secret = 'a quiet green lantern'
const serverError = (code: string, message: string) =>
  Object.assign(new Error(message), { code, severity: 'ERROR', query: 'insert into users values ($1)' })

describe('message of a failed command', () => {
  test.each([
    [new Error('copy exists; --force replaces it'), 'copy exists; --force replaces it'],
    [fail('not_found'), 'No account has this e-mail address. (not_found)'],
    [serverError('42501', 'permission denied for schema public'), 'permission denied for schema public'],
    [serverError('42P07', 'relation "users" already exists'), 'relation "users" already exists'],
    [
      serverError('23505', 'duplicate key value violates unique constraint "users_pkey"'),
      'duplicate key value violates unique constraint "users_pkey"',
    ],
  ])('%p', (error, sentence) => {
    expect(formatError(error)).toBe(sentence)
  })

  test.each([
    [
      serverError('22P02', `invalid input syntax for type uuid: "${secret}"`),
      'invalid input syntax for type uuid [22P02]',
    ],
    [serverError('42601', `syntax error at or near "${secret}"`), 'the database refused it [42601]'],
    [serverError('P0001', secret), 'the database refused it [P0001]'],
    [Object.assign(new Error(`Failed query: ${secret}`), { query: secret, params: [secret] }), 'failed'],
    [secret, 'failed'],
  ])('has no value and no SQL: %#', (error, sentence) => {
    expect(formatError(error)).toBe(sentence)
  })
})
