import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { newId } from '../../src/core/crypto'
import { createEventBus } from '../../src/core/event-bus'
import { withJwtCache } from '../../src/modules/sessions/jwt-cache'
import { createLivenessCache } from '../../src/modules/sessions/liveness'
import { useService } from '../support/service'

const service = useService()

/** A separate cache on the database of the service. It gets only the notices of the test. */
async function cacheFor() {
  const user = await service.enter()
  const sid = String(decodeJwt(user.access_token)['sid'])
  const bus = createEventBus()
  let isTrusted = true
  const cache = createLivenessCache({ db: service.deps.db, events: bus, isTrusted: () => isTrusted })
  return {
    bus,
    sid,
    user,
    trust: (trusted: boolean) => {
      isTrusted = trusted
    },
    ask: () => cache.of(sid, user.id),
    isKnownLive: async () => (await cache.of(sid, user.id))?.revokedAt === null,
    end: () =>
      service.sql`update sessions set revoked_at = now(), revoke_reason = 'logged_out' where id = ${sid}`,
    of: cache.of,
  }
}

describe('the cache of session states', () => {
  test('keeps a state until an event invalidates it', async () => {
    const { ask, end, isKnownLive } = await cacheFor()
    await ask()
    await end()
    expect(await isKnownLive()).toBe(true)
  })

  test.each(['session.ended', 'user.changed', 'events.missed'] as const)(
    'does not keep a state whose reading began before %s',
    async (type) => {
      const { ask, bus, end, isKnownLive, sid, user } = await cacheFor()
      const reading = ask()
      bus.emit({ type, sessionId: sid, userId: user.id, reason: 'logged_out' })
      expect((await reading)?.revokedAt).toBeNull()
      await end()
      expect(await isKnownLive()).toBe(false)
    },
  )

  test.each(['session.ended', 'user.changed', 'events.missed'] as const)(
    'drops the state at %s',
    async (type) => {
      const { ask, bus, end, isKnownLive, sid, user } = await cacheFor()
      await ask()
      await end()
      bus.emit({ type, sessionId: sid, userId: user.id, reason: 'logged_out' })
      expect(await isKnownLive()).toBe(false)
    },
  )

  test('is neither read nor filled while notices may get lost', async () => {
    const { ask, end, isKnownLive, trust } = await cacheFor()
    trust(false)
    await ask()
    trust(true)
    await end()
    expect(await isKnownLive()).toBe(false)
    const other = await cacheFor()
    await other.ask()
    await other.end()
    other.trust(false)
    expect(await other.isKnownLive()).toBe(false)
  })

  test('does not keep a state if notices may have been lost while it was read', async () => {
    const { ask, end, isKnownLive, trust } = await cacheFor()
    const reading = ask()
    trust(false)
    await reading
    trust(true)
    await end()
    expect(await isKnownLive()).toBe(false)
  })

  test('never returns the session of another user', async () => {
    const { ask, of, sid } = await cacheFor()
    const other = await service.register()
    expect(await ask()).not.toBeNull()
    expect(await of(sid, other.id)).toBeNull()
    expect(await of(newId(new Date()), other.id)).toBeNull()
  })

  test('expires within six seconds, in case a notice is lost', async () => {
    const { ask, end, isKnownLive } = await cacheFor()
    await ask()
    await end()
    const startedAt = performance.now()
    while (await isKnownLive()) {
      expect(performance.now() - startedAt).toBeLessThan(6000)
      await Bun.sleep(50)
    }
  })

  test('holds at most 10,000 sessions', async () => {
    const { end, isKnownLive, of, user } = await cacheFor()
    const others = await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${user.id}, now(), now(), now() + interval '1 day' from generate_series(1, 10000)
      returning id`
    const askForAll = async () => {
      for (let at = 0; at < others.length; at += 50)
        await Promise.all(others.slice(at, at + 50).map(({ id }) => of(id, user.id)))
    }
    await askForAll()
    expect(await isKnownLive()).toBe(true)
    await end()
    expect(await isKnownLive()).toBe(true)
    await askForAll()
    expect(await isKnownLive()).toBe(false)
  }, 120_000)
})

describe('the cache of verified tokens', () => {
  const now = new Date()
  const end = Math.floor(now.getTime() / 1000) + 60
  async function counted({ exp = end }: { exp?: number } = {}) {
    const kind = service.deps.keys.current.refresh
    let count = 0
    const verify = (token: string, at: Date) => {
      count++
      return kind.verify(token, at)
    }
    const { verify: remember } = withJwtCache({ ...kind, verify })
    const sign = () =>
      kind.sign({ sub: newId(now), sid: newId(now), jti: crypto.randomUUID().replaceAll('-', ''), exp })
    return { remember, sign, count: () => count }
  }

  test('skips the second verification of a valid token, never of a forged one', async () => {
    const { remember, sign, count } = await counted()
    const token = await sign()
    const claims = await remember(token, now)
    expect(await remember(token, now)).toEqual(claims)
    expect([claims?.exp, count()]).toEqual([end, 1])
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    for (let time = 0; time < 2; time++) expect(await remember(forged, now)).toBeNull()
    expect(count()).toBe(3)
  })

  test('does not accept a token after its expiry', async () => {
    const { remember, sign } = await counted()
    const token = await sign()
    expect(await remember(token, now)).not.toBeNull()
    expect(await remember(token, new Date((end + 6) * 1000))).toBeNull()
    expect(await remember(token, now)).not.toBeNull()
  })

  test('removes a token after its expiry even if it is in use', async () => {
    const { remember, sign, count } = await counted({ exp: Math.ceil(Date.now() / 1000) + 1 })
    const token = await sign()
    await remember(token, now)
    for (const end = Date.now() + 15_000; count() === 1 && Date.now() < end; await Bun.sleep(100)) {
      await remember(token, now)
    }
    expect(count()).toBe(2)
  })

  test('holds at most 10,000 tokens', async () => {
    const { remember, sign, count } = await counted()
    const token = await sign()
    await remember(token, now)
    for (let other = 0; other < 10_000; other++) await remember(await sign(), now)
    await remember(token, now)
    expect(count()).toBe(10_002)
  })
})
