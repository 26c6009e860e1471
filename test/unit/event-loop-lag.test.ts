import { expect, test } from 'bun:test'
import { watchLag } from '../../src/core/event-loop-lag'

test('the lag is the longest time that the event loop was blocked, within about a second', async () => {
  let reported = 0
  const watch = watchLag((milliseconds) => (reported = milliseconds))
  try {
    await Bun.sleep(150)
    Bun.sleepSync(400)
    await until(() => reported > 250)
    await until(() => reported < 250)
  } finally {
    watch.stop()
  }
})

async function until(condition: () => boolean) {
  for (let attempt = 0; attempt < 500 && !condition(); attempt++) await Bun.sleep(10)
  expect(condition()).toBe(true)
}
