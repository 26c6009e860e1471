import { describe, expect, test } from 'bun:test'
import { startCollector } from '../support/collector'
import { freePort } from '../support/ports'
import { type Service, startTestService } from '../support/service'

const patienceMilliseconds = 30_000
const farewellMilliseconds = 2000

/** A service whose collector takes what it is sent in this manner; `away` for one that nobody answers for. */
async function start(manner: Parameters<typeof startCollector>[0] | 'away') {
  const collector = startCollector(manner === 'away' ? 'well' : manner)
  // A port that no client is given: of one that was just closed, a client may become its own server.
  const endpoint = manner === 'away' ? `http://127.0.0.1:${freePort()}` : collector.endpoint
  const service = await startTestService({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
  return { service, collector }
}

const linesOf = (service: Service, event: string) => service.lines.filter((line) => line.event === event)
const askMany = (service: Service, count: number) =>
  Promise.all(Array.from({ length: count }, () => service.call('GET /livez')))

async function lineOf(service: Service, event: string) {
  for (const end = performance.now() + patienceMilliseconds; performance.now() < end; await Bun.sleep(20)) {
    const [line] = linesOf(service, event)
    if (line) return line
  }
  throw new Error(`waited in vain for ${event}`)
}

describe('a collector of traces', () => {
  // They wait more than they work.
  test.concurrent.each(['away', 'with 500', 'with 503', 'never'] as const)(
    'that answers %s costs one warning, no answer, and two seconds at the end at most',
    async (manner) => {
      const { service, collector } = await start(manner)
      await askMany(service, 20)
      const { reason } = await lineOf(service, 'tracing.export_failed')
      expect(String(reason)).toMatch(/^(500|503|no answer|[A-Za-z]+)$/)
      for (let at = 0; at < 5; at++) {
        const answers = await askMany(service, 20)
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
        await Bun.sleep(300)
      }
      const stoppingAt = performance.now()
      await service.tracing?.stop()
      expect(performance.now() - stoppingAt).toBeLessThan(farewellMilliseconds + 1000)
      await service.stop()
      expect(linesOf(service, 'tracing.export_failed')).toHaveLength(1)
      expect(linesOf(service, 'tracing.export_resumed')).toEqual([])
      expect(JSON.stringify(service.lines)).not.toContain('a secret of the collector')
      await collector.stop()
    },
  )

  test('that comes back is sent what is new, and the log says what was lost', async () => {
    const { service, collector } = await start('with 500')
    await askMany(service, 20)
    await lineOf(service, 'tracing.export_failed')
    collector.behave('well')
    await service.call('GET /readyz')
    const { lostSpans } = await lineOf(service, 'tracing.export_resumed')
    expect(lostSpans).toBe(20)
    await collector.span('GET /readyz')
    await service.stop()
    await collector.stop()
  })

  test('that does not answer leaves no more than 2,048 spans waiting', async () => {
    const { service, collector } = await start('never')
    for (let at = 0; at < 50; at++) await askMany(service, 100)
    collector.behave('well')
    await service.stop()
    // Those of the batch under way are lost with it.
    expect(collector.spans.length).toBeWithin(1, 2048 + 1)
    await collector.stop()
  })
})
