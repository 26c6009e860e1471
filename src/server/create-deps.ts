import { type Clock, systemClock } from '../core/clock'
import type { Config } from '../core/config'
import { createEventBus } from '../core/event-bus'
import { createLifecycle, type Durability } from '../core/lifecycle'
import type { Log } from '../core/log'
import { createPasswords, type Passwords } from '../core/password'
import { createLimits } from '../core/rate-limiter'
import { BoundedMemory } from '../core/rate-limiter/memory-store'
import type { Tracing } from '../core/tracing'
import type { Deps } from '../deps'
import { recordReachedLimits } from '../modules/audit/record-rate-limits'
import { createHub } from '../modules/realtime/sockets'
import { createKeyring } from '../modules/sessions/keyring'
import { createLivenessCache } from '../modules/sessions/liveness'
import type { Database } from '../postgres/database'
import { disconnectedListener, listen, noopListener } from '../postgres/listener'

type Parts = {
  config: Config
  log: Log
  database: Database
  jwtSecrets: string[]
  durability: Durability
  /** Whether to listen for changes that other instances make: a service does, a command does not. */
  isListening: boolean
  clock?: Clock
  tracing?: Tracing | null
}

/** Makes what the services are given. */
export async function createDeps({
  config,
  log,
  database,
  jwtSecrets,
  durability,
  isListening,
  clock = systemClock,
  tracing = null,
}: Parts): Promise<Deps> {
  const bus = createEventBus()
  const { databaseUrl: url } = config
  const instanceId = url ? crypto.randomUUID() : null
  const listener = !url || !instanceId ? noopListener : listenerOn({ url, instanceId, bus }, isListening)
  const { db } = database
  const deps: Deps = {
    config,
    log,
    clock,
    database,
    db,
    keys: await createKeyring({
      secrets: jwtSecrets,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
    }),
    passwords: followed(createPasswords(config.passwordCost), tracing),
    limits: createLimits({
      isOn: config.hasRateLimit,
      makeLimiter: (options) => new BoundedMemory(options, clock),
    }),
    lifecycle: createLifecycle(durability),
    bus,
    liveness: createLivenessCache({ db, bus, isTrusted: () => listener.isLive }),
    listener,
    hub: createHub(instanceId),
    instanceId,
    onResponse: tracing ? [tracing.onResponse] : [],
    tracing,
    afterCommit: (work) => work(),
  }
  // What this instance would have told itself after the commit, and the others if there was one.
  database.onInDoubtCommit(() => bus.emit({ type: 'notices.missed' }))
  recordReachedLimits(deps)
  return deps
}

const listenerOn = (link: Parameters<typeof listen>[0], isListening: boolean) =>
  isListening ? listen(link) : disconnectedListener

/** Hashing is what a sign-in spends its time on. */
const followed = (passwords: Passwords, tracing: Tracing | null): Passwords =>
  tracing
    ? {
        ...passwords,
        hash: (password) => tracing.step('password.hash', {}, () => passwords.hash(password)),
        verify: (password, hash) =>
          tracing.step('password.verify', {}, () => passwords.verify(password, hash)),
      }
    : passwords
