import { Counter, Gauge, type Registry } from 'prom-client'

/** A number that is there to be read: a counter where its name ends in `_total`, else a gauge. */
export type MetricDefinition = { name: string; help: string } & (
  | { read(): number | Promise<number> }
  | { label: string; readAll(): Iterable<[value: string, count: number]> }
)

/** Adds figures to a registry; each is read when it is asked for. */
export function registerMetrics(registry: Registry, figures: MetricDefinition[]) {
  for (const figure of figures) registerMetric(registry, figure)
}

function registerMetric(registry: Registry, figure: MetricDefinition) {
  const { name, help } = figure
  const Metric = name.endsWith('_total') ? Counter : Gauge
  const labelNames = 'label' in figure ? [figure.label] : []
  new Metric({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const samples = await read(figure)
      this.reset()
      for (const { labels, value } of samples) this.inc(labels, value)
    },
  })
}

type Sample = { labels: Record<string, string>; value: number }

async function read(figure: MetricDefinition): Promise<Sample[]> {
  if ('read' in figure) return [{ labels: {}, value: await figure.read() }]
  const { label, readAll } = figure
  return [...readAll()].map(([name, value]) => ({ labels: { [label]: name }, value }))
}
