import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'
import { openSocket } from '../support/socket'

const service = useService()

describe('signing in while the session ends', () => {
  test('leaves no authenticated socket', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const { access_token: token } = await service.enter()
        expect((await service.me(token)).status).toBe(200)
        const socket = await openSocket(service.url)
        socket.send({ type: 'auth', token })
        await Bun.sleep(at)
        expect((await service.call('POST /api/v1/auth/logout', { token })).status).toBe(204)
        return socket
      }),
    )
    const signedIn = () =>
      [...service.hub.connections.values()].filter(
        ({ actor, closeDeadline }) => actor.kind === 'user' && !closeDeadline,
      )
    for (let tries = 0; signedIn().length > 0 && tries < 50; tries++) await Bun.sleep(20)
    expect(signedIn()).toEqual([])
    await Promise.all(sockets.map((socket) => socket.close()))
  })
})
