import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { version } from '../../package.json'
import { createClient } from '../support/client'
import { startCollector } from '../support/collector'
import { createPlayground } from '../support/executable'
import { scrape } from '../support/metrics'

const { install, run, serve, clear } = createPlayground()

let fastkit = ''

setDefaultTimeout(60_000)
beforeAll(async () => {
  fastkit = await install()
}, 240_000)
afterAll(clear)

describe('metrics of the executable', () => {
  test('are served on METRICS_PORT, at the address in the log', async () => {
    const service = await serve(fastkit, { env: { METRICS_PORT: '0' } })
    await createClient(service.url).enter()
    const url = String(service.lines.find(({ event }) => event === 'metrics.listening')?.['url'])
    const { samples } = await scrape(url)
    expect(samples.get(`fastkit_build_info{version="${version}",bun="${Bun.version}"}`)).toBe(1)
    expect(samples.get('fastkit_sign_ins_total{result="succeeded"}')).toBe(1)
    expect(await service.end('SIGTERM')).toBe(0)
  })

  test('on a port in use end the start with 1 and an error', async () => {
    const other = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    const { exitCode, stderr } = await run(fastkit, { env: { PORT: '0', METRICS_PORT: String(other.port) } })
    expect(exitCode).toBe(1)
    expect(stderr).toBe(`fastkit: cannot serve metrics on 127.0.0.1:${other.port}; is the port taken?\n`)
    await other.stop(true)
  })
})

describe('traces of the executable', () => {
  test('reach the collector, the last ones at shutdown', async () => {
    const collector = startCollector()
    const service = await serve(fastkit, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/` } })
    await createClient(service.url).enter()
    expect(await service.end('SIGTERM')).toBe(0)
    const login = await collector.span('POST /api/v1/auth/login')
    const steps = (await collector.trace(login.traceId)).map(({ name }) => name)
    expect(steps).toEqual(expect.arrayContaining(['password.verify', 'INSERT sessions INSERT tokens']))
    expect(service.lines.filter(({ trace_id }) => trace_id === login.traceId).length).toBeGreaterThan(1)
    await collector.stop()
  })

  test('do not delay shutdown when the collector never responds', async () => {
    const collector = startCollector('never')
    const service = await serve(fastkit, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
    await createClient(service.url).call('GET /readyz')
    const endingAt = performance.now()
    expect(await service.end('SIGTERM')).toBe(0)
    expect(performance.now() - endingAt).toBeLessThan(15_000)
    await collector.stop()
  })

  test('do not reveal the headers for the collector', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=tell-tale',
    }
    const { exitCode, stdout } = await run(fastkit, { args: ['config'], env })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('OTEL_EXPORTER_OTLP_HEADERS')
    expect(stdout).not.toContain('tell-tale')
  })
})
