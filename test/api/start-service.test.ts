import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Environment, loadConfig } from '../../src/core/config'
import { MigrationRefused } from '../../src/postgres/migrate'
import { runningService } from '../../src/server/control-client'
import { createObservability } from '../../src/server/observability'
import { startService } from '../../src/server/start-service'
import { createClient } from '../support/client'
import { createOperator } from '../support/operator'
import { freePort } from '../support/ports'
import { openWire } from '../support/raw-websocket'
import { testSecret } from '../support/service'
import { openSocket } from '../support/socket'

const { emptyDir, clear } = createOperator()
afterAll(clear)

/** A configuration on the embedded database, and how to start a service by it. */
function prepare(variables: Environment = {}) {
  const config = loadConfig({
    JWT_SECRET: testSecret,
    DATA_DIR: join(emptyDir(), 'data'),
    EMBEDDED_FSYNC: 'off',
    ARGON2_MEMORY_KIB: '64',
    ARGON2_TIME: '1',
    PORT: '0',
    METRICS_PORT: String(freePort()),
    ...variables,
  })
  const lines: { event: string }[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  /** Starts the service and waits until it is ready; throws why it cannot be. */
  async function start() {
    const service = await startService(config, {
      observability: await createObservability(config, destination),
    })
    const fault = await Promise.race([service.ready, service.failed])
    if (!fault) return service
    await service.stop()
    throw fault
  }
  return { config, lines, start, controlSocket: join(config.dataDir, 'run/control.sock') }
}

const isRefused = (url: string) =>
  fetch(url).then(
    () => false,
    () => true,
  )

describe('a shutdown', () => {
  test('drains, then ends sockets, requests, metrics and at last the database', async () => {
    const { config, lines, start, controlSocket } = prepare()
    const service = await start()
    const { call, enter, me } = createClient(service.url)
    const { email, password, access_token } = await enter()
    const socket = await openSocket(service.url, { token: access_token })
    expect(await runningService(config)).toBe(controlSocket)
    const slow = await openWire(service.url)
    const body = JSON.stringify({ email, password })
    const head = `POST /api/v1/auth/login HTTP/1.1\r\nHost: fastkit\r\nContent-Type: application/json\r\n`
    slow.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)

    let hasStopped = false
    const stopping = service.stop({ delayMilliseconds: 1000 }).then(() => {
      hasStopped = true
    })
    expect((await call('GET /readyz')).body.checks.draining).toBe('draining')
    expect((await me(access_token)).status).toBe(200)
    expect([await runningService(config), socket.isOpen()]).toEqual([null, true])

    expect(await socket.closed()).toMatchObject({ code: 1001 })
    while (!(await isRefused(service.url))) await Bun.sleep(10)
    const metrics = await fetch(service.metricsUrl ?? '')
    expect(await metrics.text()).toContain('fastkit_draining 1')
    expect(hasStopped).toBe(false)

    slow.write(body.slice(5))
    await slow.closed()
    expect(slow.wire.received).toStartWith('HTTP/1.1 200')
    await stopping
    expect([await isRefused(service.metricsUrl ?? ''), existsSync(controlSocket)]).toEqual([true, false])
    const events = lines.map(({ event }) => event).filter((event) => event.startsWith('service.'))
    expect(events.at(-1)).toBe('service.stopping')
    await (await start()).stop()
  })
})

describe('a start that fails', () => {
  test('for a taken port releases the metrics port and DATA_DIR', async () => {
    const other = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    const { lines, start, config } = prepare({ PORT: String(other.port) })
    await expect(start()).rejects.toThrow('is the port taken?')
    expect(lines.map(({ event }) => event)).toContain('metrics.listening')
    expect(await isRefused(`http://127.0.0.1:${config.metrics?.port}/metrics`)).toBe(true)
    await other.stop(true)
    await (await start()).stop()
  })

  test('for migrations that are refused releases its port and the control socket too', async () => {
    const { start, config, controlSocket } = prepare({ PORT: String(freePort()) })
    const service = await start()
    const { sql } = service.database
    await sql`insert into fastkit_migrations (name, hash) values ('9999_of_a_newer_version', 'x')`
    await service.stop()
    await expect(start()).rejects.toThrow(MigrationRefused)
    expect([await isRefused(service.url), existsSync(controlSocket)]).toEqual([true, false])
    // The lock on DATA_DIR and both ports are free: the next start gets as far.
    await expect(start()).rejects.toThrow(MigrationRefused)
    expect(await runningService(config)).toBeNull()
  })
})
