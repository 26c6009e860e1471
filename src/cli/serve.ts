import { version } from '../../package.json'
import { createApp } from '../app'
import { type Config, type Environment, loadConfig, secretsOpenToAll } from '../core/config'
import { createLog, type Log } from '../core/log'
import type { Deps } from '../deps'
import { type Realtime, startRealtime } from '../modules/realtime/start'
import { startMetrics } from '../modules/telemetry/metrics-server'
import { assemble } from './assemble'
import { startControl } from './control/server'
import type { Hangups } from './hangups'
import { startJobs } from './jobs'
import { becomeReady } from './ready'
import { reload } from './reload'
import { endSignal } from './signals'
import { openStorage, type Storage } from './storage'

/** Runs the service until a signal or a fault ends it: 0 after a clean end, 1 otherwise. Throws what stops it at start. */
export async function serve(environment: Environment, hangups: Hangups): Promise<number> {
  const startedAt = performance.now()
  const config = loadConfig(environment)
  const log = await createLog({ level: config.logLevel, format: config.logFormat })
  const signal = endSignal()
  log.info({ version, database: config.databaseUrl ? 'postgres' : 'embedded' }, 'service.starting')
  const storage = await openStorage(config)
  try {
    const deps = await assemble({ config, log, ...storage, isListening: true })
    const metrics = await startMetrics(deps, version)
    const realtime = startRealtime(deps)
    const server = listen(deps)
    const url = `http://${server.hostname}:${server.port}`
    tellDoubts(deps, environment)
    hangups.each(() => reload(deps, environment))
    const control = config.databaseUrl ? null : startControl(deps)
    const ready = becomeReady(deps, { url, startedAt })
    const jobs = startJobs(deps)
    const fault = await Promise.race([signal.then(() => null), faultOf(ready), storage.failed])
    if (fault) log.fatal({ err: fault }, 'service.failed')
    const isClean = await drain(deps, { server, realtime })
    await control?.close()
    await jobs.stop()
    await deps.listener.close()
    await metrics?.stop()
    return fault || !isClean ? 1 : 0
  } finally {
    await close(log, storage)
  }
}

type Server = {
  hostname: string | undefined
  port: number | undefined
  stop(closeActive?: boolean): Promise<void>
}

type Parts = { server: Server; realtime: Realtime }

/** Throws when the port is taken: two services must not silently share it. */
function listen(deps: Deps): Server {
  const { host, port } = deps.config
  try {
    const { server } = createApp(deps).listen({ hostname: host, port })
    if (!server) throw new Error('no server')
    return server
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}; is the port taken?`, { cause })
  }
}

/** Settles when `work` fails, never when it succeeds. */
function faultOf(work: Promise<void>): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  work.catch(resolve)
  return promise
}

/** Lets requests in flight finish; answers false when `SHUTDOWN_TIMEOUT` cut them short. */
async function drain({ config, lifecycle, log }: Deps, { server, realtime }: Parts): Promise<boolean> {
  lifecycle.isDraining = true
  log.info('service.stopping')
  const isClean = await Promise.race([
    Promise.all([server.stop(), realtime.stop()]).then(() => true),
    Bun.sleep(config.shutdownTimeoutMilliseconds).then(() => false),
  ])
  if (!isClean) await server.stop(true)
  return isClean
}

async function close(log: Log, storage: Storage) {
  await storage.close()
  log.info('service.stopped')
}

const owaspMinimum = { memoryKib: 19_456, time: 2 } satisfies Config['passwordCost']

/** What an operator should know although the service can run. */
function tellDoubts({ config, lifecycle, log }: Deps, environment: Environment) {
  const names = secretsOpenToAll(environment)
  if (names.length > 0) log.warn({ names }, 'config.secret_file_open_to_all')
  if (lifecycle.durability === 'not_in_force') log.warn('database.commits_not_durable')
  const { memoryKib, time } = config.passwordCost
  if (memoryKib * time < owaspMinimum.memoryKib * owaspMinimum.time)
    log.warn('config.password_cost_below_owasp_minimum')
}
