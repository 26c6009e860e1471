import { type Clock, systemClock } from '../core/clock'
import type { Config } from '../core/config'
import { createEventBus } from '../core/event-bus'
import type { Log } from '../core/log'
import { createPasswords, type Passwords } from '../core/password'
import { createLimits } from '../core/rate-limiter'
import { BoundedMemory } from '../core/rate-limiter/memory-store'
import { createLifecycle, type Durability } from '../core/service-lifecycle'
import type { Tracing } from '../core/tracing'
import type { Deps, Runtime } from '../deps'
import { recordReachedLimits } from '../modules/audit/record-rate-limits'
import { createHub } from '../modules/realtime/sockets'
import { createKeyring } from '../modules/sessions/keyring'
import { createLivenessCache } from '../modules/sessions/liveness'
import type { Database } from '../postgres/database'
import { disconnectedListener, listen, noopListener } from '../postgres/listener'
import type { RunningTracing } from '../telemetry/start-tracing'

type Parts = {
  config: Config
  log: Log
  database: Database
  jwtSecrets: string[]
  durability: Durability
  /** Whether to receive events of other instances. A service does; a command does not. */
  isListening: boolean
  clock?: Clock | undefined
  tracing?: RunningTracing | null
}

/** Creates the dependencies of verbs and the other parts of the process. */
export async function createDeps({
  config,
  log,
  database,
  jwtSecrets,
  durability,
  isListening,
  clock = systemClock,
  tracing = null,
}: Parts): Promise<Runtime> {
  const { databaseUrl: url } = config
  // The embedded database has one instance. See docs/workarounds.md#pglite-socket-listen.
  const instanceId = url ? crypto.randomUUID() : null
  const events = createEventBus(instanceId)
  const listener = !url || !instanceId ? noopListener : listenerOn({ url, instanceId, events }, isListening)
  const { db } = database
  const deps: Deps = {
    config,
    log,
    clock,
    db,
    keys: await createKeyring({
      secrets: jwtSecrets,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
    }),
    passwords: withTracing(createPasswords(config.passwordCost), tracing),
    limits: createLimits({
      isOn: config.hasRateLimit,
      makeLimiter: (options) => new BoundedMemory(options, clock),
    }),
    events,
    liveness: createLivenessCache({ db, events, isTrusted: () => listener.isLive }),
    afterCommit: (work) => work(),
  }
  // The transaction may be committed, but its events were not emitted here.
  database.onInDoubtCommit(() => events.emit({ type: 'events.missed' }))
  database.onConnectionRefused((connections) => log.warn({ connections }, 'database.connection_refused'))
  recordReachedLimits(deps)
  return {
    deps,
    database,
    listener,
    lifecycle: createLifecycle(durability),
    hub: createHub(instanceId),
    tracing,
  }
}

const listenerOn = (link: Parameters<typeof listen>[0], isListening: boolean) =>
  isListening ? listen(link) : disconnectedListener

/** Adds spans to hashing, because a sign-in spends most of its time there. */
const withTracing = (passwords: Passwords, tracing: Tracing | null): Passwords =>
  tracing
    ? {
        ...passwords,
        hash: (password) => tracing.step('password.hash', {}, () => passwords.hash(password)),
        verify: (password, hash) =>
          tracing.step('password.verify', {}, () => passwords.verify(password, hash)),
      }
    : passwords
