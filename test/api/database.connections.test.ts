import { describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { useService } from '../support/service'

const service = useService()

describe('a connection to the database', () => {
  // Put together, so that the statement does not find itself.
  const typeQueries = (sql: postgres.Sql) =>
    sql`select statement from pg_prepared_statements where statement like '%typ' || 'array%'`

  test('asks for no types when it opens, which could end the process', async () => {
    expect(await typeQueries(service.sql)).toHaveLength(0)
    if (!service.databaseUrl) return
    const careless = postgres(service.databaseUrl, { max: 1 })
    expect((await typeQueries(careless)).length).toBeGreaterThan(0)
    await careless.end()
  })

  test('that takes the place of another writes values as that did', async () => {
    const { access_token: token } = await service.enter()
    const publish = (n: number) =>
      service.call('POST /api/v1/channels/room:replaced/messages', { token, body: { data: { n } } })
    await publish(1)
    service.database.reconnect()
    expect((await publish(2)).status).toBe(201)
    const rows = await service.sql`select jsonb_typeof(data) as kind from channel_messages`
    expect(rows.map(({ kind }) => kind)).toEqual(['object', 'object'])
  })
})
