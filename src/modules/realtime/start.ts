import { repeatedly } from '../../core/repeat'
import type { Deps } from '../../deps'
import { sendAway } from './connection'
import { returnWait, tick } from './life'
import { beatMilliseconds, recheckMilliseconds, tickMilliseconds } from './limits'
import { catchUpSoon } from './local-channel'
import { removeInstance } from './membership'
import { onNotice, recheck } from './notices'
import { beat } from './places'

export type Realtime = {
  /** Closes every socket with 1001, each with a wait of its own before it comes back, and takes this instance out of the tables. */
  stop(): Promise<void>
}

// A client that does not answer a close keeps nobody waiting.
const patienceMilliseconds = 1000

/** Lets sockets hear of changes, and of time. */
export function startRealtime(deps: Deps): Realtime {
  const { hub, lifecycle, log } = deps
  deps.bus.on((notice) => onNotice(deps, notice))
  const ticking = setInterval(() => tick(deps), tickMilliseconds)
  const minding = every(recheckMilliseconds, () => mind(deps))
  const beating = every(beatMilliseconds, async () => {
    if (!lifecycle.isMigrated) return
    try {
      await beat(deps)
    } catch (err) {
      log.debug({ err }, 'realtime.beat_failed')
    }
  })

  return {
    async stop() {
      hub.isStopping = true
      clearInterval(ticking)
      await closeAll(deps)
      await Promise.all([minding.stop(), beating.stop()])
      if (lifecycle.isMigrated)
        await removeInstance(deps, hub.instanceId).catch((err) => log.warn({ err }, 'realtime.stop_failed'))
    },
  }
}

/** While notices do not arrive, every socket is looked up; what a channel could not read is tried again. */
async function mind(deps: Deps) {
  const { hub, listener } = deps
  if (hub.byUser.size > 0 && (!listener.isLive || hub.mustRecheck)) await recheck(deps)
  for (const channel of hub.channels.values()) if (channel.isBehind) catchUpSoon(deps, channel)
}

async function closeAll({ hub, clock }: Deps) {
  for (const connection of hub.connections.values()) sendAway(connection, returnWait(hub), clock.now())
  const deadline = performance.now() + patienceMilliseconds
  while (hub.connections.size > 0 && performance.now() < deadline) await Bun.sleep(5)
  for (const { wire } of hub.connections.values()) wire.terminate()
}

/** Runs `work` now and after each pause. */
const every = (milliseconds: number, work: () => Promise<void>) =>
  repeatedly(async () => {
    await work()
    return milliseconds
  })
