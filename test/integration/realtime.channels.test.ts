import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Service, startService } from '../support/service'
import { openSocket } from '../support/socket'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

test('smoke', async () => {
  const ada = await service.enter()
  const bob = await service.enter()
  const a = await openSocket(service.url, { token: ada.access_token })
  console.log(await a.next('ready'))
  const b = await openSocket(service.url, { protocols: ['bearer', bob.access_token] })
  await b.next('ready')
  console.log(await a.ask({ type: 'ping' }), await a.ask({ type: 'subscribe', channel: 'room:x' }))
  console.log(await b.ask({ type: 'subscribe', channel: 'room:x' }))
  console.log(await b.ask({ type: 'publish', channel: 'room:x', data: { hello: 1 } }))
  console.log(await a.next('message'), await a.next('joined'))
  console.log(await b.ask({ type: 'presence', channel: 'room:x' }))
  console.log(await b.ask({ type: 'subscribe', channel: 'room:y', since: 0 }))
  console.log(await b.ask({ type: 'subscribe', channel: 'room:x', since: 0 }), b.received.at(-1))
  console.log(await b.ask({ type: 'broadcast', data: 1 }), await b.ask({ type: 'nonsense' }))
  console.log(await service.call('GET /api/v1/channels/room:x/messages', { token: ada.access_token }))
  console.log(await service.call('POST /api/v1/channels/room:x/messages', { token: ada.access_token, body: { data: null } }))
  console.log((await b.many('message', 1))[0])
  console.log(await b.close())
  console.log(await a.next('left'))
  await service.call('POST /api/v1/auth/logout', { token: ada.access_token })
  console.log(await a.closed(), a.received.at(-1))
  console.log(service.lines.filter((l) => l.level > 30 || l.event === 'http.request' ))
}, 20000)
