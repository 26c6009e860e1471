import type { Config } from '../core/config'
import { nameHost, pathOf } from '../core/request-path'
import type { OnResponse } from '../core/response-info'
import type { Tracing } from '../core/tracing'
import type { Runtime } from '../deps'

export type MetricsServer = { url: string; onResponse: OnResponse; stop(): Promise<void> }

/** Serves `/metrics` on METRICS_PORT; `null` when that is unset. Throws when the port is taken. */
export async function startMetrics(runtime: Runtime, version: string): Promise<MetricsServer | null> {
  const { config, log } = runtime.deps
  const { metrics } = config
  if (!metrics) return null
  // prom-client is loaded only when metrics are served.
  const { createMetrics } = await import('./metrics')
  const { registry, onResponse, stop } = createMetrics(runtime, version)
  const server = listen(metrics, async () => ({
    text: await registry.metrics(),
    type: registry.contentType,
  }))
  const url = `http://${server.hostname}:${server.port}/metrics`
  log.info({ url }, 'metrics.listening')
  return {
    url,
    onResponse,
    async stop() {
      stop()
      await server.stop(true)
    },
  }
}

/** Those to tell of every answer, made before the first one. */
export const listenersOf = (tracing: Tracing | null, metrics: MetricsServer | null): OnResponse[] =>
  [tracing?.onResponse, metrics?.onResponse].filter((listener) => listener !== undefined)

type Address = NonNullable<Config['metrics']>
type Page = { text: string; type: string }

function listen(address: Address, page: () => Promise<Page>) {
  try {
    return Bun.serve({
      ...address,
      reusePort: false,
      development: false,
      maxRequestBodySize: 1024,
      fetch: async (request) => withHeaders(await answer(request, page)),
      error: () => new Response(null, { status: 500 }),
    })
  } catch (cause) {
    const { hostname, port } = address
    throw new Error(`cannot serve metrics on ${hostname}:${port}; is the port taken?`, { cause })
  }
}

async function answer(request: Request, page: () => Promise<Page>): Promise<Response> {
  nameHost(request)
  if (pathOf(request.url) !== '/metrics') return new Response('Not found\n', { status: 404 })
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response('Method not allowed\n', { status: 405, headers: { allow: 'GET, HEAD' } })
  const { text, type } = await page()
  return new Response(text, { headers: { 'content-type': type } })
}

function withHeaders(response: Response): Response {
  response.headers.set('cache-control', 'no-store')
  response.headers.set('x-content-type-options', 'nosniff')
  return response
}
