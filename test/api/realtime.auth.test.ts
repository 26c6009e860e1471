import { describe, expect, test } from 'bun:test'
import { type Service, startTestService, useService } from '../support/service'
import { openSocket, shakeHands } from '../support/socket'

const service = useService({ CORS_ORIGINS: 'https://app.example.com' })

type Entrant = Awaited<ReturnType<Service['enter']>>

async function ticketFor({ access_token }: Pick<Entrant, 'access_token'>): Promise<string> {
  const { status, body } = await service.call('POST /api/v1/ws/tickets', { token: access_token })
  expect({ status, expiresIn: body.expires_in }).toEqual({ status: 201, expiresIn: 30 })
  return body.ticket
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

const badTokens = [
  { name: 'garbage', make: async () => 'garbage' },
  { name: 'a refresh token', make: async () => (await service.enter()).refresh_token },
  { name: 'a token of an ended session', make: async () => endedToken() },
  { name: 'a ticket', make: async () => ticketFor(await service.enter()) },
]

async function endedToken() {
  const { access_token } = await service.enter()
  await service.call('POST /api/v1/auth/logout', { token: access_token })
  return access_token
}

describe('a handshake is refused', () => {
  const ways = [
    { way: 'header', with: (token: string) => ({ headers: bearer(token) }) },
    {
      way: 'subprotocol',
      with: (token: string) => ({ headers: { 'Sec-WebSocket-Protocol': `bearer, ${token}` } }),
    },
    { way: 'ticket', with: (token: string) => ({ query: `?ticket=${token}` }) },
    { way: 'query', with: (token: string) => ({ query: `?token=${token}` }) },
  ]
  const cases = ways.flatMap((way) => badTokens.map((bad) => ({ ...way, ...bad })))
  test.each(cases.filter(({ way, name }) => !(way === 'ticket' && name === 'a ticket')))(
    'by $way with $name: 401',
    async ({ with: given, make }) => {
      const { status, headers, body } = await shakeHands(service.url, given(await make()))
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'invalid_token' })
      expect(headers.get('content-type')).toBe('application/problem+json')
      expect(headers.get('www-authenticate')).toContain('error="invalid_token"')
      expect(headers.get('sec-websocket-protocol')).toBeNull()
    },
  )

  test('with an expired token, also inside the clock tolerance: 401', async () => {
    const { access_token } = await service.enter()
    service.clock.advance(902)
    expect((await shakeHands(service.url, { headers: bearer(access_token) })).status).toBe(401)
  })

  test.each([
    'https://evil.example.com',
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'null',
    'not an origin',
    '',
  ])('from a page of %p: 403, whoever is signed in', async (Origin) => {
    const { access_token } = await service.enter()
    const { status, body } = await shakeHands(service.url, { headers: { Origin, ...bearer(access_token) } })
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'forbidden' })
  })

  test.each([
    ['no Upgrade', { Upgrade: null }],
    ['no key', { 'Sec-WebSocket-Key': null }],
    ['a short key', { 'Sec-WebSocket-Key': 'abc' }],
    ['no version', { 'Sec-WebSocket-Version': null }],
    ['an old version', { 'Sec-WebSocket-Version': '8' }],
    ['another protocol', { Upgrade: 'h2c' }],
  ])('with %s: 426', async (_, headers) => {
    const answer = await shakeHands(service.url, { headers })
    expect({ status: answer.status, code: answer.body.code }).toEqual({
      status: 426,
      code: 'upgrade_required',
    })
    expect(answer.headers.get('upgrade')).toBe('websocket')
    expect(answer.headers.get('sec-websocket-version')).toBe('13')
  })

  test('with a query parameter that does not exist: 422', async () => {
    expect((await shakeHands(service.url, { query: '?tickets=x' })).status).toBe(422)
  })

  test('with another method: 405', async () => {
    const { status, headers } = await service.call('POST /api/v1/ws')
    expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD' })
  })

  test('while the service is draining: 503', async () => {
    const ending = await startTestService()
    ending.lifecycle.startDraining()
    const { status, body } = await shakeHands(ending.url)
    await ending.stop()
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'shutting_down' })
  })
})

describe('a socket is signed in', () => {
  const ways = {
    header: async (token: string) => openSocket(service.url, { token }),
    subprotocol: async (token: string) => openSocket(service.url, { protocols: ['bearer', token] }),
    ticket: async (token: string) =>
      openSocket(service.url, { query: { ticket: await ticketFor({ access_token: token }) } }),
    query: async (token: string) => openSocket(service.url, { query: { token } }),
    message: async (token: string) => {
      const socket = await openSocket(service.url)
      socket.send({ type: 'auth', token })
      return socket
    },
  }
  test.each(Object.entries(ways))('by %s', async (_, enter) => {
    const user = await service.enter()
    const socket = await enter(user.access_token)
    const ready = await socket.next('ready')
    expect(ready).toEqual({
      type: 'ready',
      user: (await service.me(user.access_token)).body,
      session_id: expect.any(String),
      expires_at: expect.any(String),
    })
    expect(await socket.ask({ type: 'ping' })).toEqual({ type: 'pong', id: 1 })
    await socket.close()
  })

  test('and by subprotocol the answer is `bearer` and never the token', async () => {
    const { access_token } = await service.enter()
    for (const list of [`bearer, ${access_token}`, `chat, bearer, ${access_token}`]) {
      const { status, headers } = await shakeHands(service.url, {
        headers: { 'Sec-WebSocket-Protocol': list },
      })
      expect({ status, protocol: headers.get('sec-websocket-protocol') }).toEqual({
        status: 101,
        protocol: 'bearer',
      })
    }
  })

  test.each(['WebSocket', 'WEBSOCKET'])('with Upgrade: %s', async (Upgrade) => {
    const { access_token } = await service.enter()
    expect((await shakeHands(service.url, { headers: { Upgrade, ...bearer(access_token) } })).status).toBe(
      101,
    )
  })

  test('from a page of this service or of CORS_ORIGINS', async () => {
    const { access_token } = await service.enter()
    for (const Origin of [service.url, 'https://app.example.com']) {
      const { status } = await shakeHands(service.url, { headers: { Origin, ...bearer(access_token) } })
      expect(status).toBe(101)
    }
  })
})

describe('a ticket', () => {
  test('opens one socket, also when 20 try at the same instant', async () => {
    const query = `?ticket=${await ticketFor(await service.enter())}`
    const answers = await Promise.all(Array.from({ length: 20 }, () => shakeHands(service.url, { query })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([101, ...Array(19).fill(401)])
  })

  test('is not used up by requests that are refused for something else', async () => {
    const query = `?ticket=${await ticketFor(await service.enter())}`
    const refused = [
      { headers: { Origin: 'https://evil.example.com' } },
      { headers: { 'Sec-WebSocket-Key': null } },
      { headers: { Upgrade: null } },
    ]
    for (const handshake of refused) {
      expect((await shakeHands(service.url, { query, ...handshake })).status).toBeOneOf([403, 426])
    }
    expect((await shakeHands(service.url, { query: `${query}&x=1` })).status).toBe(422)
    expect((await shakeHands(service.url, { query })).status).toBe(101)
  })

  test('ends after 30 seconds, and with its session', async () => {
    const late = await ticketFor(await service.enter())
    service.clock.advance(31)
    expect((await shakeHands(service.url, { query: `?ticket=${late}` })).status).toBe(401)
    const user = await service.enter()
    const ended = await ticketFor(user)
    await service.call('POST /api/v1/auth/logout', { token: user.access_token })
    expect((await shakeHands(service.url, { query: `?ticket=${ended}` })).status).toBe(401)
  })

  test('gives no longer life than the token it was made with', async () => {
    const user = await service.enter()
    const direct = await openSocket(service.url, { token: user.access_token })
    const byTicket = await openSocket(service.url, { query: { ticket: await ticketFor(user) } })
    const [one, two] = [await direct.next('ready'), await byTicket.next('ready')]
    expect(two['expires_at']).toBe(one['expires_at'])
  })

  test('is made for those who are signed in', async () => {
    expect((await service.call('POST /api/v1/ws/tickets')).status).toBe(401)
  })
})

describe('a socket without a credential', () => {
  test('is closed with 4408 after 10 seconds', async () => {
    const socket = await openSocket(service.url)
    service.clock.advance(9)
    await Bun.sleep(400)
    expect(socket.isOpen()).toBe(true)
    service.clock.advance(1)
    expect((await socket.closed()).code).toBe(4408)
  })

  test.each([
    { type: 'ping' },
    { type: 'subscribe', channel: 'room:x' },
    { type: 'publish', channel: 'room:x', data: 1 },
    { type: 'broadcast', data: 1 },
  ])('may not do $type', async (message) => {
    const socket = await openSocket(service.url)
    expect(await socket.ask(message)).toMatchObject({ type: 'error', code: 'unauthenticated' })
    await socket.close()
  })

  test.each(badTokens)('is closed with 4401 after `auth` with $name', async ({ make }) => {
    const socket = await openSocket(service.url)
    expect(await socket.ask({ type: 'auth', token: await make() })).toMatchObject({ code: 'invalid_token' })
    expect((await socket.closed()).code).toBe(4401)
  })

  test('hears nothing', async () => {
    const unauthenticated = await openSocket(service.url)
    const user = await service.enter()
    await service.sql`update users set role = 'admin' where id = ${user.id}`
    const admin = await openSocket(service.url, { token: user.access_token })
    expect(await admin.ask({ type: 'broadcast', data: 'secret' })).toMatchObject({ type: 'broadcasted' })
    await admin.next('message')
    expect(unauthenticated.received).toEqual([])
    await unauthenticated.close()
  })
})
