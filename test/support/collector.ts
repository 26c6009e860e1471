/** A received span, with its attributes as an object. */
export type Span = {
  traceId: string
  spanId: string
  parentSpanId: string | null
  name: string
  kind: number
  isError: boolean
  nanoseconds: bigint
  attributes: Record<string, unknown>
}

type Value = { stringValue?: string; intValue?: number; boolValue?: boolean }
type Attribute = { key: string; value: Value }
type WireSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status?: { code?: number }
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
}
type Export = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: WireSpan[] }[] }[]
}

/** The behaviour of a collector. */
type Manner = 'well' | 'with 500' | 'with 503' | 'never'

const patienceMilliseconds = 20_000

/** A collector of traces for OTLP as JSON over HTTP. */
export function startCollector(manner: Manner = 'well') {
  const spans: Span[] = []
  const requests: { path: string; headers: Headers; text: string }[] = []
  const resource: Record<string, unknown> = {}
  let now = manner
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const text = await request.text()
      requests.push({ path: new URL(request.url).pathname, headers: request.headers, text })
      if (now === 'never') return await new Promise<Response>(() => undefined)
      if (now !== 'well') return new Response('a secret of the collector', { status: Number(now.slice(5)) })
      const { resourceSpans }: Export = JSON.parse(text)
      for (const { resource: its, scopeSpans } of resourceSpans) {
        Object.assign(resource, asObject(its.attributes))
        spans.push(...scopeSpans.flatMap((scope) => scope.spans.map(asSpan)))
      }
      return Response.json({})
    },
  })

  async function until<T>(find: () => T | undefined, what: string): Promise<T> {
    for (const end = performance.now() + patienceMilliseconds; performance.now() < end; await Bun.sleep(20)) {
      const found = find()
      if (found !== undefined) return found
    }
    throw new Error(`waited in vain for ${what}; came: ${JSON.stringify(spans.map(({ name }) => name))}`)
  }

  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    spans,
    until,
    requests,
    resource,
    behave(next: Manner) {
      now = next
    },
    /** The first span of that name. */
    span: (name: string) =>
      until(() => spans.find((span) => span.name === name), `a span of the name ${name}`),
    /** The spans of a trace whose root has arrived. Child spans arrive before it. */
    trace: async (traceId: string) => {
      await until(
        () => spans.find((span) => span.traceId === traceId && span.kind === kinds.server),
        `the trace ${traceId}`,
      )
      return spans.filter((span) => span.traceId === traceId)
    },
    stop: () => server.stop(true),
  }
}

export const kinds = { server: 2, client: 3 }

const asSpan = (span: WireSpan): Span => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId || null,
  name: span.name,
  kind: span.kind,
  isError: span.status?.code === 2,
  nanoseconds: BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano),
  attributes: asObject(span.attributes),
})

const asObject = (attributes: Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.boolValue]),
  )
