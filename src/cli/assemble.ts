import { createBus } from '../core/bus'
import { type Clock, systemClock } from '../core/clock'
import type { Config } from '../core/config'
import { createLimits } from '../core/limits'
import { BoundedMemory } from '../core/limits/memory'
import type { Log } from '../core/log'
import { createPasswords, type Passwords } from '../core/password'
import type { Tracing } from '../core/tracing'
import type { Database } from '../db/client'
import { deaf, listen, solitary } from '../db/listen'
import type { Deps, Lifecycle } from '../deps'
import { recordReachedLimits } from '../modules/audit/limited'
import { createHub } from '../modules/realtime/sockets'
import { createKeyring } from '../modules/sessions/keyring'
import { createLivenessCache } from '../modules/sessions/liveness'

type Parts = {
  config: Config
  log: Log
  database: Database
  jwtSecrets: string[]
  durability: Lifecycle['durability']
  /** Whether to listen for changes that other instances make: a service does, a command does not. */
  isListening: boolean
  clock?: Clock
  tracing?: Tracing | null
}

/** Makes what the services are given. */
export async function assemble({
  config,
  log,
  database,
  jwtSecrets,
  durability,
  isListening,
  clock = systemClock,
  tracing = null,
}: Parts): Promise<Deps> {
  const bus = createBus()
  const { databaseUrl: url } = config
  const instanceId = url ? crypto.randomUUID() : null
  const listener = !url || !instanceId ? solitary : listenerOn({ url, instanceId, bus }, isListening)
  const lifecycle: Lifecycle = {
    isMigrated: false,
    isDraining: false,
    isClosing: false,
    refusedAt: 0,
    durability,
    lagMilliseconds: 0,
  }
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
    lifecycle,
    bus,
    liveness: createLivenessCache({ db, bus, isTrusted: () => listener.isLive }),
    listener,
    hub: createHub(instanceId),
    instanceId,
    onAnswered: tracing ? [tracing.answered] : [],
    tracing,
    afterCommit: (work) => work(),
  }
  // What this instance would have told itself after the commit, and the others if there was one.
  database.onDoubt(() => bus.emit({ type: 'notices.missed' }))
  recordReachedLimits(deps)
  return deps
}

const listenerOn = (link: Parameters<typeof listen>[0], isListening: boolean) =>
  isListening ? listen(link) : deaf

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
