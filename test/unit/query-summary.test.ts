import { describe, expect, test } from 'bun:test'
import { querySummary } from '../../src/postgres/query-summary'

describe('summary of a statement', () => {
  test.each([
    ['select "id" from "users" where "users"."id" = $1 limit $2', 'SELECT', 'SELECT users'],
    ['insert into "audit_events" ("id") values ($1)', 'INSERT', 'INSERT audit_events'],
    ['update "users" set "role" = $1', 'UPDATE', 'UPDATE users'],
    ['delete from "tokens" where "id" in ($1, $2)', 'DELETE', 'DELETE tokens'],
    [
      'with a as (select id from users for no key update), b as (insert into sessions (id) select id from a returning id)\n' +
        'insert into tokens (id) select id from b',
      'INSERT',
      'INSERT sessions INSERT tokens',
    ],
    [
      'with used as (update tokens t set used_at = $1 from alive returning 1) update sessions s set x = 1 from used',
      'UPDATE',
      'UPDATE tokens UPDATE sessions',
    ],
    ['select s.id from sessions s for update of s', 'SELECT', 'SELECT sessions'],
    [
      'insert into channels (name) values ($1) on conflict (name) do update set a = 1',
      'INSERT',
      'INSERT channels',
    ],
    ['select pg_notify($1, $2)', 'SELECT', 'SELECT'],
    ['set local lock_timeout = 5', 'SET', 'SET'],
    ['', 'QUERY', 'QUERY'],
  ])('of %s is %s', (text, operation, summary) => {
    expect(querySummary(text)).toEqual({ operation, summary })
  })
})
