import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { useService } from '../support/service'

const service = useService()

const jtiOf = (token: string) => decodeJwt(token).jti

describe('POST /api/v1/auth/refresh', () => {
  test('gives a new pair of the same session', async () => {
    const { access_token, refresh_token } = await service.enter()
    const { status, body, headers } = await service.refresh(refresh_token)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(decodeJwt(body.access_token)['sid']).toBe(decodeJwt(access_token)['sid'])
    expect(jtiOf(body.refresh_token)).not.toBe(jtiOf(refresh_token))
    expect((await service.me(body.access_token)).status).toBe(200)
  })

  test('answers a repeat inside the grace with the same successor', async () => {
    const { refresh_token } = await service.enter()
    const first = await service.refresh(refresh_token)
    service.clock.advance(9)
    const second = await service.refresh(refresh_token)
    expect(second.status).toBe(200)
    expect(jtiOf(second.body.refresh_token)).toBe(jtiOf(first.body.refresh_token))
    expect(decodeJwt(second.body.refresh_token).exp).toBe(decodeJwt(first.body.refresh_token).exp)
  })

  test('of a used token after the grace ends the session, and it stays ended', async () => {
    const { refresh_token } = await service.enter()
    const { body: next } = await service.refresh(refresh_token)
    service.clock.advance(11)
    const reuse = await service.refresh(refresh_token)
    expect([reuse.status, reuse.body.code]).toEqual([401, 'refresh_token_reused'])
    expect((await service.me(next.access_token)).body.code).toBe('invalid_token')
    expect((await service.refresh(next.refresh_token)).body.code).toBe('invalid_refresh_token')
    expect((await service.refresh(refresh_token)).body.code).toBe('invalid_refresh_token')
  })

  test('of a token whose successor was used ends the session, even inside the grace', async () => {
    const { refresh_token } = await service.enter()
    const { body: next } = await service.refresh(refresh_token)
    await service.refresh(next.refresh_token)
    expect((await service.refresh(refresh_token)).body.code).toBe('refresh_token_reused')
    const sessionId = decodeJwt(refresh_token)['sid']
    const events = service.lines.filter((line) => line['sessionId'] === sessionId).map(({ event }) => event)
    expect(events).toContain('refresh.reused')
  })

  test('of 20 at once with one token leaves one successor and a live session', async () => {
    const { refresh_token } = await service.enter()
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.refresh(refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    const successors = new Set(answers.map(({ body }) => jtiOf(body.refresh_token)))
    expect(successors.size).toBe(1)
    const sid = String(decodeJwt(refresh_token)['sid'])
    expect(await service.sql`select used_at from tokens where session_id = ${sid} order by id`).toHaveLength(
      2,
    )
    expect((await service.me(answers[0]?.body.access_token)).status).toBe(200)
  })

  test('ends with the refresh token and with the session', async () => {
    const { refresh_token } = await service.enter()
    service.clock.advance(7 * 86_400 + 6)
    expect((await service.refresh(refresh_token)).body.code).toBe('invalid_refresh_token')
  })

  test('never gives a token that outlives the session', async () => {
    let { refresh_token } = await service.enter()
    for (let day = 0; day < 28; day += 4) {
      service.clock.advance(4 * 86_400)
      const { status, body } = await service.refresh(refresh_token)
      expect(status).toBe(200)
      refresh_token = body.refresh_token
      expect(body.refresh_expires_in).toBeLessThanOrEqual((30 - day - 4) * 86_400)
    }
    service.clock.advance(2 * 86_400 + 6)
    expect((await service.refresh(refresh_token)).body.code).toBe('invalid_refresh_token')
  })

  test('takes no access token and no forged one, and neither touches the session', async () => {
    const { access_token, refresh_token } = await service.enter()
    const forged = `${refresh_token.slice(0, -4)}AAAA`
    for (const token of [access_token, forged, 'x', 'a.b.c', refresh_token.slice(0, -1)]) {
      const { status, body } = await service.refresh(token)
      expect([status, body.code]).toEqual([401, 'invalid_refresh_token'])
    }
    expect((await service.refresh(refresh_token)).status).toBe(200)
  })
})
