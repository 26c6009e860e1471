import { describe, expect, test } from 'bun:test'
import { version } from '../../package.json'
import { serverUrl } from '../support/database'
import { growth, scrape } from '../support/metrics'
import { sendRaw } from '../support/raw'
import { startTestService, useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

const service = useService({ METRICS_PORT: '0' })

const duration = 'fastkit_http_request_duration_seconds'
const seen = (method: string, route: string, status: number) =>
  `${duration}_count{method="${method}",route="${route}",status="${status}"}`

/** Does `work` and expects these samples to grow by this much. */
async function expectGrowth(work: () => Promise<unknown>, wanted: Record<string, number>) {
  expect(await growth(service.metricsUrl, work, wanted)).toEqual(wanted)
}

describe('GET /metrics', () => {
  test('is text for Prometheus with help and kind of everything', async () => {
    const { headers } = await fetch(service.metricsUrl ?? '')
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const { text, samples, kinds } = await scrape(service.metricsUrl)
    const named = [...samples.keys()].map((sample) => sample.replace(/\{.*/, ''))
    const families = named.map((name) => (kinds.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')))
    expect(families.filter((name) => !kinds.has(name) || !text.includes(`# HELP ${name} `))).toEqual([])
    // Prometheus: a counter, and nothing else, ends in _total.
    const misnamed = [...kinds].filter(([name, kind]) => name.endsWith('_total') !== (kind === 'counter'))
    expect(misnamed).toEqual([])
    expect(samples.get(`fastkit_build_info{version="${version}",bun="${Bun.version}"}`)).toBe(1)
  })

  test('is alone on its port, and not on that of the service', async () => {
    const url = new URL(service.metricsUrl ?? '')
    const ask = async (path: string, method = 'GET') => {
      const { status, headers } = await fetch(new URL(path, url), { method })
      return [status, headers.get('allow')]
    }
    expect(await ask('/metrics?x=1')).toEqual([200, null])
    expect(await ask('/metrics', 'HEAD')).toEqual([200, null])
    expect(await ask('/metrics', 'POST')).toEqual([405, 'GET, HEAD'])
    expect(await ask('/metrics', 'DELETE')).toEqual([405, 'GET, HEAD'])
    for (const path of ['/', '/metrics/', '/Metrics', '/livez', '/readyz', '/docs', '/api/v1/users/me'])
      expect(await ask(path)).toEqual([404, null])
    expect((await service.call('GET /metrics')).status).toBe(404)
  })

  test.each(['HTTP/1.0\r\n', 'HTTP/1.1\r\nHost: \r\n', 'HTTP/1.1\r\nHost: [\r\n'])(
    'answers %p',
    async (rest) => {
      const ask = (path: string) =>
        sendRaw(service.metricsUrl ?? '', `GET ${path} ${rest}Connection: close\r\n\r\n`)
      expect(await ask('/metrics')).toStartWith('HTTP/1.1 200 ')
      expect(await ask('/livez')).toStartWith('HTTP/1.1 404 ')
    },
  )
})

describe('requests', () => {
  test('are counted and timed by method, route pattern and status', async () => {
    const ada = await service.enter()
    await expectGrowth(
      async () => {
        await service.me(ada.access_token)
        await service.me(ada.access_token)
        await service.me('x')
        await service.call(`GET /api/v1/users/${ada.id}`, { token: ada.access_token })
        await service.call('POST /api/v1/auth/login', { body: '{' })
      },
      {
        [seen('GET', '/api/v1/users/me', 200)]: 2,
        [seen('GET', '/api/v1/users/me', 401)]: 1,
        [seen('GET', '/api/v1/users/:id', 200)]: 1,
        [seen('POST', '/api/v1/auth/login', 400)]: 1,
        [`${duration}_bucket{le="+Inf",method="GET",route="/api/v1/users/me",status="200"}`]: 2,
        'fastkit_errors_total{code="malformed_body"}': 1,
        'fastkit_errors_total{code="invalid_token"}': 1,
      },
    )
  })

  test('to any number of unknown paths with any method add two series at most', async () => {
    await expectGrowth(
      async () => {
        for (let at = 0; at < 20; at++) await service.call(`GET /tell-tale-${at}/x?y=${at}`)
        for (const method of ['PROPFIND', 'MKCOL', 'LINK']) await service.call(`${method} /tell-tale`)
      },
      { [seen('GET', 'unmatched', 404)]: 20, [seen('other', 'unmatched', 404)]: 3 },
    )
    const { text } = await scrape(service.metricsUrl)
    expect(text.includes('tell-tale')).toBe(false)
  })
})

describe('accounts', () => {
  test('sign-ins are counted by result', async () => {
    const ada = await service.register()
    const login = (password: string) =>
      service.call('POST /api/v1/auth/login', { body: { email: ada.email, password } })
    await expectGrowth(
      async () => {
        await login(ada.password)
        await login('not the password')
        await login('not the password')
      },
      {
        'fastkit_sign_ins_total{result="succeeded"}': 1,
        'fastkit_sign_ins_total{result="failed"}': 2,
        'fastkit_errors_total{code="invalid_credentials"}': 2,
      },
    )
  })

  test('refreshes are counted by result, and a session that a reuse ended by its reason', async () => {
    const { refresh_token: first } = await service.enter()
    await expectGrowth(
      async () => {
        const { body } = await service.refresh(first)
        await service.refresh(first)
        await service.refresh(body.refresh_token)
        await service.refresh(first)
        await service.refresh('nonsense')
        await service.refresh(body.refresh_token)
      },
      {
        'fastkit_refreshes_total{result="ok"}': 2,
        'fastkit_refreshes_total{result="repeated"}': 1,
        'fastkit_refreshes_total{result="reused"}': 1,
        'fastkit_refreshes_total{result="invalid"}': 2,
        'fastkit_sessions_revoked_total{reason="refresh_token_reused"}': 1,
        'fastkit_sessions_revoked_total{reason="logged_out"}': 0,
      },
    )
  })

  test('ended sessions are counted by reason, each once', async () => {
    const ada = await service.enter()
    await service.signIn(ada)
    await expectGrowth(() => service.call('POST /api/v1/auth/logout-all', { token: ada.access_token }), {
      'fastkit_sessions_revoked_total{reason="logged_out"}': 2,
      'fastkit_sessions_revoked_total{reason="ended_by_admin"}': 0,
    })
  })

  test('what the database was asked of a session is a miss, what was remembered a hit', async () => {
    const ada = await service.enter()
    const misses = 'fastkit_liveness_lookups_total{result="miss"}'
    const hits = 'fastkit_liveness_lookups_total{result="hit"}'
    const before = (await scrape(service.metricsUrl)).samples.get(hits) ?? 0
    await expectGrowth(
      async () => {
        for (let at = 0; at < 5; at++) await service.me(ada.access_token)
      },
      { [misses]: 1 },
    )
    expect((await scrape(service.metricsUrl)).samples.get(hits)).toBeGreaterThanOrEqual(before + 4)
  })
})

describe('sockets', () => {
  test('are counted while open, with what goes in and out and the code they close with', async () => {
    const ada = await enterWithSocket(service)
    await expectGrowth(
      async () => {
        await ada.ask({ type: 'ping' })
        await ada.ask({ type: 'ping' })
      },
      {
        fastkit_websocket_messages_received_total: 2,
        fastkit_websocket_messages_sent_total: 2,
        fastkit_websocket_connections: 0,
      },
    )
    await expectGrowth(() => service.call('POST /api/v1/auth/logout', { token: ada.access_token }), {
      'fastkit_websocket_closes_total{code="4401"}': 1,
      fastkit_websocket_connections: -1,
      fastkit_websocket_users: -1,
    })
  })

  test('that close with a code of their own are others', async () => {
    const ada = await enterWithSocket(service)
    await expectGrowth(async () => ada.socket.close(4999, 'mine'), {
      'fastkit_websocket_closes_total{code="other"}': 1,
    })
    expect((await scrape(service.metricsUrl)).text.includes('code="4999"')).toBe(false)
  })
})

describe('what is read at the moment', () => {
  test('tells hashes under way and in line', async () => {
    let isSeen = false
    const keepHashing = async () => {
      while (!isSeen) await service.deps.passwords.hash('a password to hash')
    }
    const work = Array.from({ length: 60 }, keepHashing)
    const { samples } = await scrape(service.metricsUrl)
    isSeen = true
    await Promise.all(work)
    expect(samples.get('fastkit_password_hashes_running')).toBeGreaterThan(0)
    expect(samples.get('fastkit_password_hashes_waiting')).toBeGreaterThan(0)
    const { samples: after } = await scrape(service.metricsUrl)
    expect(after.get('fastkit_password_hashes_running')).toBe(0)
    expect(after.get('fastkit_password_hashes_waiting')).toBe(0)
  })

  test('tells connections in use and who waits for one', async () => {
    const {
      database,
      deps: { db },
    } = service
    const { promise: held, resolve: cleanup } = Promise.withResolvers<void>()
    const work = Array.from({ length: database.poolSize + 3 }, () => db.transaction(() => held))
    const { samples } = await scrape(service.metricsUrl)
    cleanup()
    await Promise.all(work)
    expect(samples.get('fastkit_database_pool_size')).toBe(serverUrl ? 10 : 1)
    expect(samples.get('fastkit_database_pool_in_use')).toBe(database.poolSize)
    expect(samples.get('fastkit_database_pool_waiting')).toBeGreaterThanOrEqual(3)
  })

  test('tells of process, event loop and database', async () => {
    const { samples } = await scrape(service.metricsUrl)
    const value = (name: string) => samples.get(name) ?? Number.NaN
    expect(value('process_resident_memory_bytes')).toBeWithin(2e7, 4e9)
    expect(value('process_start_time_seconds')).toBeWithin(Date.now() / 1000 - 3600, Date.now() / 1000 + 1)
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(value('process_open_fds')).toBeGreaterThan(5)
    expect(value('fastkit_event_loop_lag_seconds_count')).toBeGreaterThan(0)
    expect([value('fastkit_database_up'), value('fastkit_database_listener_up')]).toEqual([1, 1])
    expect(value('fastkit_draining')).toBe(0)
  })

  test('a loop that was held up is late by as much', async () => {
    const late = 'fastkit_event_loop_lag_seconds_bucket{le="0.25"}'
    const before = await scrape(service.metricsUrl)
    Bun.sleepSync(600)
    await Bun.sleep(300)
    const after = await scrape(service.metricsUrl)
    const grown = (name: string) => (after.samples.get(name) ?? 0) - (before.samples.get(name) ?? 0)
    expect(grown('fastkit_event_loop_lag_seconds_count') - grown(late)).toBeGreaterThan(0)
  })
})

describe('limits', () => {
  test('refusals are counted by limit, and a sign-in that one refuses is limited', async () => {
    const strict = await startTestService({ METRICS_PORT: '0', RATE_LIMIT: 'on' })
    try {
      const { email } = await strict.register()
      const login = () =>
        strict.call('POST /api/v1/auth/login', { body: { email, password: 'not it at all' } })
      const wanted = {
        'fastkit_sign_ins_total{result="failed"}': 5,
        'fastkit_sign_ins_total{result="limited"}': 7,
        'fastkit_rate_limit_refusals_total{policy="account"}': 5,
        'fastkit_rate_limit_refusals_total{policy="login"}': 2,
        'fastkit_rate_limit_refusals_total{policy="default"}': 0,
        'fastkit_errors_total{code="rate_limited"}': 7,
      }
      const work = async () => {
        for (let at = 0; at < 12; at++) await login()
      }
      expect(await growth(strict.metricsUrl, work, wanted)).toEqual(wanted)
    } finally {
      await strict.stop()
    }
  })
})

test('nothing personal and no secret stands in metrics', async () => {
  const ada = await enterWithSocket(service)
  await service.call('GET /api/v1/users/me?access_token=tell-tale-5c', {
    token: ada.access_token,
    headers: { 'user-agent': 'tell-tale-5c', 'x-request-id': 'tell-tale-5c' },
  })
  await service.call(`GET /api/v1/channels/room:tell-tale-5c/messages`, { token: ada.access_token })
  await service.call('POST /api/v1/auth/login', {
    body: { email: ada.email, password: 'no password of hers' },
  })
  await ada.close()
  const { text } = await scrape(service.metricsUrl)
  const [name = ''] = ada.email.split('@')
  for (const mark of ['tell-tale', name, ada.id, '127.0.0.1', ...service.secrets])
    expect(text.includes(mark)).toBe(false)
})

test('without METRICS_PORT nobody watches requests and no port is open', async () => {
  const plain = await startTestService()
  expect([plain.metricsUrl, plain.onResponse]).toEqual([null, []])
  await plain.stop()
})
