import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { describeInBrowser, watchSecrets } from '../support/browser'
import { eventually } from '../support/eventually'
import { useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

setDefaultTimeout(60_000)

describeInBrowser('a browser', (openPage) => {
  const service = useService()

  /** Opens the console and signs in a new user. */
  async function openConsole() {
    const user = await service.register()
    const { page, complaints } = await openPage()
    watchSecrets(page, service.secrets)
    await page.goto(`${service.url}/docs/websocket/console`)
    await page.getByLabel('E-mail address').fill(user.email)
    await page.getByLabel('Password').fill(user.password)
    await page.keyboard.press('Enter')
    await page.getByText(`Signed in as ${user.email}`).waitFor()
    return { user, page, complaints }
  }

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
  const entry = (page: Page, title: string) => page.getByRole('listitem').filter({ hasText: title })
  const state = (page: Page, text: RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor()

  describe('on the console', () => {
    test('signs in, subscribes, receives and publishes, and shows messages as plain text', async () => {
      const { page, complaints } = await openConsole()
      const other = await enterWithSocket(service)
      await press(page, 'Connect')
      await state(page, /^Connected$/)
      await press(page, 'Subscribe')
      await entry(page, '← subscribed').waitFor()
      await other.ask({ type: 'subscribe', channel: 'room:lobby' })

      const attack =
        '<img src=x onerror="document.title = \'owned\'"><script>document.title = "owned"</script>'
      await other.ask({ type: 'publish', channel: 'room:lobby', data: { text: attack } })
      const message = entry(page, '← message')
      await message.waitFor()
      expect(JSON.parse((await message.locator('pre').textContent()) ?? '')).toMatchObject({
        type: 'message',
        offset: 1,
        data: { text: attack },
        from: { user_id: other.id },
      })
      expect(await page.locator('#log :is(img, script, a)').count()).toBe(0)

      await page.getByLabel('Data, as JSON or as text').fill(attack)
      await page.getByLabel('Data, as JSON or as text').press('Control+Enter')
      expect((await other.next('message'))['data']).toBe(attack)
      await press(page, 'Presence')
      await entry(page, '← presence').waitFor()
      await page.getByText('room:lobby at 2').waitFor()
      await press(page, 'Unsubscribe')
      await entry(page, '← unsubscribed').waitFor()
      expect(await page.title()).toBe('fastkit WebSocket console')
      expect(complaints).toEqual([])
      await other.close()
      await page.context().close()
    })

    test('recovers missed messages and shows errors', async () => {
      const { page, complaints } = await openConsole()
      const other = await enterWithSocket(service)
      const channel = 'room:missed'
      for (const data of [1, 2, 3]) await other.ask({ type: 'publish', channel, data })
      await press(page, 'Connect')
      await state(page, /^Connected$/)
      await page.getByLabel('Name').fill(channel)
      await page.getByLabel('Since offset').fill('1')
      await page.keyboard.press('Enter')
      await entry(page, '"recovered":true').waitFor()
      await entry(page, '"offset":3').filter({ hasText: '← message' }).waitFor()
      expect(await entry(page, '← message').count()).toBe(2)

      await page.getByLabel('JSON', { exact: true }).fill('{"type": "broadcast", "data": 1}')
      await press(page, 'Send')
      await entry(page, '"code":"forbidden"').waitFor()
      await page.getByLabel('JSON', { exact: true }).fill('no JSON')
      await press(page, 'Send')
      expect(await page.getByRole('alert').textContent()).toBe('Not a JSON object')
      await press(page, 'Disconnect')
      await state(page, /^Closed with 1000$/)
      expect(complaints).toEqual([])
      await other.close()
      await page.context().close()
    })

    test.each(['as a subprotocol', 'in the first message'])('connects with the token %s', async (way) => {
      const { page, complaints } = await openConsole()
      await page.getByLabel('Show the token').selectOption(way)
      await press(page, 'Connect')
      await state(page, /^Connected$/)
      await entry(page, '← ready').waitFor()
      expect(await page.locator('#log').textContent()).not.toContain('eyJ')
      await press(page, 'Sign out')
      await page.getByLabel('Password').waitFor()
      await state(page, /^Closed with/)
      expect(complaints).toEqual([])
      await page.context().close()
    })

    test('authenticates the socket again before its token expires', async () => {
      const { page, complaints } = await openConsole()
      await press(page, 'Connect')
      await state(page, /^Connected$/)
      service.clock.advance(15 * 60 - 20)
      await entry(page, '← expiring').waitFor()
      await entry(page, '← ready').nth(1).waitFor()
      service.clock.advance(25)
      await press(page, 'Send')
      await entry(page, '← pong').waitFor()
      expect(await page.locator('#log').textContent()).not.toContain('eyJ')
      expect(complaints).toEqual([])
      await page.context().close()
    })

    test('keeps tokens in memory only, and shows why a sign-in failed', async () => {
      const { user, page } = await openConsole()
      const stored = await page.evaluate(
        'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])',
      )
      expect(stored).toBe(JSON.stringify([{}, {}, '', `${service.url}/docs/websocket/console`]))
      await page.reload()
      await page.getByLabel('E-mail address').fill(user.email)
      await page.getByLabel('Password').fill('not the password')
      await press(page, 'Sign in')
      expect(await page.getByText('Invalid credentials').getAttribute('role')).toBe('alert')
      await page.context().close()
    })
  })

  /** Opens a socket from a page. Returns the first message or the close code. */
  const connectFrom = (page: Page, { query = '', protocols }: { query?: string; protocols?: string[] }) =>
    page.evaluate<{ type?: string; protocol?: string; code?: number }>(`new Promise((resolve) => {
      const socket = new WebSocket(${JSON.stringify(`${service.url.replace('http', 'ws')}/api/v1/ws${query}`)}, ${JSON.stringify(protocols ?? [])})
      socket.onmessage = ({ data }) => resolve({ type: JSON.parse(data).type, protocol: socket.protocol })
      socket.onclose = ({ code }) => resolve({ code })
    })`)

  const ticketFor = async (token: string) =>
    `?ticket=${(await service.call('POST /api/v1/ws/tickets', { token })).body.ticket}`

  describe('from a page', () => {
    test('of the same origin a subprotocol opens a socket, and a ticket opens one once', async () => {
      const { access_token: token } = await service.enter()
      const { page } = await openPage()
      await page.goto(`${service.url}/docs/websocket/console`)
      expect(await connectFrom(page, { protocols: ['bearer', token] })).toEqual({
        type: 'ready',
        protocol: 'bearer',
      })
      const query = await ticketFor(token)
      expect(await connectFrom(page, { query })).toEqual({ type: 'ready', protocol: '' })
      expect(await connectFrom(page, { query })).toEqual({ code: 1006 })
      await page.context().close()
    })

    test('of another origin every handshake is 403, and the ticket is not used up', async () => {
      const { access_token: token } = await service.enter()
      const foreign = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: () =>
          new Response('<!doctype html><title>elsewhere</title>', {
            headers: { 'content-type': 'text/html' },
          }),
      })
      const { page, complaints } = await openPage()
      await page.goto(foreign.url.href)
      const query = await ticketFor(token)
      for (const way of [{ query }, { protocols: ['bearer', token] }, {}])
        expect(await connectFrom(page, way)).toEqual({ code: 1006 })
      const refusals = complaints.filter((text) => /Unexpected response code: 403/.test(text))
      expect(refusals).toHaveLength(3)
      await page.goto(`${service.url}/docs/websocket`)
      await page.goto(`${service.url}/docs/websocket/console`)
      expect(await connectFrom(page, { query })).toMatchObject({ type: 'ready' })
      await page.context().close()
      await foreign.stop(true)
    })
  })

  test('the client in a few lines comes back in two tabs, and misses nothing', async () => {
    const markdown = await Bun.file(`${import.meta.dir}/../../docs/websocket.md`).text()
    const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(markdown) ?? []
    const { id, access_token: token } = await service.enter()
    const channel = `room:${crypto.randomUUID().slice(0, 8)}`
    const url = `POST /api/v1/channels/${channel}/messages`
    const open = () => [...(service.hub.byUser.get(id) ?? [])].filter(({ channels }) => channels.has(channel))
    const showing = (page: Page, count: number) =>
      eventually(async () => (await page.evaluate<number>('shown.length')) === count || null)
    const tabs = await Promise.all([openPage(), openPage()])
    for (const { page } of tabs) {
      await page.goto(`${service.url}/docs/websocket/console`)
      await page.evaluate(`{
        ${code.replace('ws://127.0.0.1:3000', service.url.replace('http', 'ws'))}
        window.shown = []
        const token = async () => ${JSON.stringify(token)}
        window.stop = listen('${channel}', { token, show: ({ data }) => shown.push(data), gap: () => shown.push('gap') })
      }`)
    }
    await eventually(() => open().length === 2 || null)
    await service.call(url, { token, body: { data: 1 } })
    for (const { page } of tabs) await showing(page, 1)
    for (const { socket } of open()) socket.close(1001, 'goingAway, retry in 300 ms')
    await eventually(() => open().length === 0 || null)
    await service.call(url, { token, body: { data: 2 } })
    for (const { page } of tabs) {
      await showing(page, 2)
      expect(await page.evaluate<unknown[]>('stop() ?? shown')).toEqual([1, 2])
      await page.context().close()
    }
  })

  test('the pages of the protocol fit a narrow window and keep to their content security policy', async () => {
    const { page, complaints } = await openPage()
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['/docs/websocket', '/docs/websocket/console']) {
      await page.goto(service.url + path)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    }
    await page.goto(`${service.url}/docs`)
    await page.getByRole('link', { name: 'the protocol' }).first().click()
    await page.getByRole('heading', { name: 'WebSocket' }).waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })
})
