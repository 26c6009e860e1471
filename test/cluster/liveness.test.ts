import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { newId } from '../../src/core/crypto'
import { createEventBus } from '../../src/core/event-bus'
import { withJwtCache } from '../../src/modules/sessions/jwt-cache'
import { createLivenessCache } from '../../src/modules/sessions/liveness'
import { useService } from '../support/service'

const service = useService()

/** A cache of its own over the service's database, which no notice reaches but those of the test. */
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

describe('the memory of what lives', () => {
  test('keeps a state that nothing speaks against', async () => {
    const { ask, end, isKnownLive } = await cacheFor()
    await ask()
    await end()
    expect(await isKnownLive()).toBe(true)
  })

  test.each(['session.ended', 'user.changed', 'events.missed'] as const)(
    'does not keep a state that was read before %s and arrives after it',
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
    'forgets what it knew at %s',
    async (type) => {
      const { ask, bus, end, isKnownLive, sid, user } = await cacheFor()
      await ask()
      await end()
      bus.emit({ type, sessionId: sid, userId: user.id, reason: 'logged_out' })
      expect(await isKnownLive()).toBe(false)
    },
  )

  test('is neither asked nor added to while notices may get lost', async () => {
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

  test('does not keep a state whose reading outlasted the trust', async () => {
    const { ask, end, isKnownLive, trust } = await cacheFor()
    const reading = ask()
    trust(false)
    await reading
    trust(true)
    await end()
    expect(await isKnownLive()).toBe(false)
  })

  test('never answers one user with the session of another', async () => {
    const { ask, of, sid } = await cacheFor()
    const other = await service.register()
    expect(await ask()).not.toBeNull()
    expect(await of(sid, other.id)).toBeNull()
    expect(await of(newId(new Date()), other.id)).toBeNull()
  })

  test('fades within six seconds, so that a lost notice does not live long', async () => {
    const { ask, end, isKnownLive } = await cacheFor()
    await ask()
    await end()
    const startedAt = performance.now()
    while (await isKnownLive()) {
      expect(performance.now() - startedAt).toBeLessThan(6000)
      await Bun.sleep(50)
    }
  })

  test('holds 10,000 sessions, not more', async () => {
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

describe('the memory of verified tokens', () => {
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

  test('spares the second look at a good token, never at a bad one', async () => {
    const { remember, sign, count } = await counted()
    const token = await sign()
    const claims = await remember(token, now)
    expect(await remember(token, now)).toEqual(claims)
    expect([claims?.exp, count()]).toEqual([end, 1])
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    for (let time = 0; time < 2; time++) expect(await remember(forged, now)).toBeNull()
    expect(count()).toBe(3)
  })

  test('does not outlast the token', async () => {
    const { remember, sign } = await counted()
    const token = await sign()
    expect(await remember(token, now)).not.toBeNull()
    expect(await remember(token, new Date((end + 6) * 1000))).toBeNull()
    expect(await remember(token, now)).not.toBeNull()
  })

  test('lets go of a token when its time has come, asked or not', async () => {
    const { remember, sign, count } = await counted({ exp: Math.ceil(Date.now() / 1000) + 1 })
    const token = await sign()
    await remember(token, now)
    for (const end = Date.now() + 15_000; count() === 1 && Date.now() < end; await Bun.sleep(100)) {
      await remember(token, now)
    }
    expect(count()).toBe(2)
  })

  test('holds 10,000 tokens, not more', async () => {
    const { remember, sign, count } = await counted()
    const token = await sign()
    await remember(token, now)
    for (let other = 0; other < 10_000; other++) await remember(await sign(), now)
    await remember(token, now)
    expect(count()).toBe(10_002)
  })
})
