import { expect, test } from 'bun:test'
import { watchLag } from '../../src/core/event-loop-lag'

test('the lag of the event loop is the time that somebody kept it, remembered for about a second', async () => {
  let told = 0
  const watch = watchLag((milliseconds) => (told = milliseconds))
  try {
    await Bun.sleep(150)
    Bun.sleepSync(400)
    await until(() => told > 250)
    await until(() => told < 250)
  } finally {
    watch.stop()
  }
})

async function until(isSo: () => boolean) {
  for (let look = 0; look < 500 && !isSo(); look++) await Bun.sleep(10)
  expect(isSo()).toBe(true)
}
