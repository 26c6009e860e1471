import { Counter, Gauge, type Registry } from 'prom-client'

/** A metric that is read at collection: a counter when its name ends in `_total`, else a gauge. */
export type MetricDefinition = { name: string; help: string } & (
  | { read(): number | Promise<number> }
  | { label: string; readAll(): Iterable<[value: string, count: number]> }
)

/** Registers metrics; each is read at collection. */
export function registerMetrics(registry: Registry, definitions: MetricDefinition[]) {
  for (const definition of definitions) registerMetric(registry, definition)
}

function registerMetric(registry: Registry, definition: MetricDefinition) {
  const { name, help } = definition
  const Metric = name.endsWith('_total') ? Counter : Gauge
  const labelNames = 'label' in definition ? [definition.label] : []
  new Metric({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const samples = await read(definition)
      this.reset()
      for (const { labels, value } of samples) this.inc(labels, value)
    },
  })
}

type Sample = { labels: Record<string, string>; value: number }

async function read(definition: MetricDefinition): Promise<Sample[]> {
  if ('read' in definition) return [{ labels: {}, value: await definition.read() }]
  const { label, readAll } = definition
  return [...readAll()].map(([name, value]) => ({ labels: { [label]: name }, value }))
}
