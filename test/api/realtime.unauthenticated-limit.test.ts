import { expect, test } from 'bun:test'
import { maxUnauthenticated } from '../../src/modules/realtime/limits'
import { times } from '../support/many-sockets'
import { useService } from '../support/service'
import { openSocket, shakeHands, signedInSocket } from '../support/socket'

const service = useService({ LOG_LEVEL: 'warn' })

test('unauthenticated beyond the limit get 503, those with a token come in, and a place is free when one signs in', async () => {
  const { access_token: token } = await service.enter()
  const unauthenticated = await times(maxUnauthenticated, () => openSocket(service.url))
  expect(unauthenticated.every((socket) => socket.isOpen())).toBe(true)
  const refused = await shakeHands(service.url)
  expect([refused.status, refused.body.code]).toEqual([503, 'overloaded'])
  expect(refused.headers.get('retry-after')).toBe('2')
  await (await signedInSocket(service.url, token)).close()

  const [first] = unauthenticated
  expect(await first?.ask({ type: 'auth', token })).toMatchObject({ type: 'ready' })
  expect((await shakeHands(service.url)).status).toBe(101)
  await Promise.all(unauthenticated.map((socket) => socket.close()))
  await (await openSocket(service.url)).close()
})
