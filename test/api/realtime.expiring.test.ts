import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

/** What is waited for when nothing may come: some ticks of the service. */
const someTicksMilliseconds = 800

// Seconds that a token lives, and how long before its end a socket is told.
describe.each([
  [5, 5 / 3],
  [20, 20 / 3],
  [30, 10],
  [31, 31 / 3],
  [900, 30],
])('`expiring` with tokens of %d s', (ttlSeconds, warningSeconds) => {
  const service = useService({ ACCESS_TOKEN_TTL: `${ttlSeconds}s` })

  const secondsUntil = (moment: string) => (new Date(moment).getTime() - service.clock.now().getTime()) / 1000
  /** Moves the clock to where the token has so many seconds left. */
  const advanceTo = (secondsLeft: number, expiresAt: string) =>
    service.clock.advance(Math.max(0, secondsUntil(expiresAt) - secondsLeft))

  test('comes once a token, at the smaller of 30 s and a third of its life', async () => {
    const ada = await enterWithSocket(service)
    let { expires_at: expiresAt } = await ada.next('ready')
    let pair: { access_token: string; refresh_token: string } = ada
    for (let round = 1; round <= 3; round++) {
      advanceTo(warningSeconds + 1, expiresAt)
      await Bun.sleep(400)
      expect(ada.of('expiring')).toHaveLength(round - 1)
      advanceTo(warningSeconds, expiresAt)
      const seconds = (await ada.many('expiring', round)).at(-1)?.['in']
      expect(seconds).toBeWithin(Math.floor(warningSeconds - 0.9), Math.floor(warningSeconds) + 1)
      // The same token once more is no new one.
      await ada.ask({ type: 'auth', token: pair.access_token })
      await Bun.sleep(400)
      expect(ada.of('expiring')).toHaveLength(round)
      pair = (await service.refresh(pair.refresh_token)).body
      expiresAt = (await ada.ask({ type: 'auth', token: pair.access_token }))['expires_at']
      await Bun.sleep(someTicksMilliseconds)
      expect(ada.of('expiring')).toHaveLength(round)
    }
    await ada.close()
  })
})
