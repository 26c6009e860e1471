import { beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type Metrics, scrape } from '../support/metrics'
import { useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

type Panel = {
  id: number
  type: string
  title: string
  datasource?: { type: string; uid: string }
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { refId: string; expr: string; datasource: { uid: string } }[]
}

const root = join(import.meta.dir, '../..')
const dashboard = await Bun.file(join(root, 'docs/grafana.json')).json()
const panels: Panel[] = dashboard.panels
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

const service = useService({ METRICS_PORT: '0' })
let metrics: Metrics
beforeAll(async () => {
  // Something of everything that has labels.
  const ada = await enterWithSocket(service)
  await ada.close()
  await service.me('nobody')
  metrics = await scrape(service.metricsUrl)
})

/** The label names of each sample name, with those that Prometheus adds. */
function labelsByName(): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>()
  for (const sample of metrics.samples.keys()) {
    const [name = '', rest = ''] = sample.split('{')
    const found = [...rest.matchAll(/(\w+)="/g)].map(([, label = '']) => label)
    labels.set(name, new Set([...(labels.get(name) ?? []), ...found, 'instance', 'job']))
  }
  return labels
}

const namesIn = (text: string) => new Set(text.match(/\b(?:fastkit|process)_\w+/g))

describe('docs/grafana.json', () => {
  test('has what Grafana asks of a dashboard that is imported', () => {
    const { title, uid, schemaVersion, time, templating } = dashboard
    expect([title, uid, typeof schemaVersion, time.to]).toEqual(['fastkit', 'fastkit', 'number', 'now'])
    const variables = templating.list.map(({ name, type }: { name: string; type: string }) => [name, type])
    expect(variables).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ])
    // One that was exported has an id of its own, which fits no other Grafana.
    expect(dashboard).not.toHaveProperty('id')
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    for (const { type, gridPos, title, targets = [] } of panels) {
      expect(title).not.toBe('')
      expect(['row', 'stat', 'timeseries']).toContain(type)
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      expect(targets.length > 0).toBe(type !== 'row')
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    }
  })

  test('asks the data source that is chosen on it, and no other', () => {
    const chosen = '$' + '{datasource}'
    const sources = JSON.stringify({ ...dashboard, uid: undefined }).match(/(?<="uid":")[^"]*/g) ?? []
    expect(new Set(sources)).toEqual(new Set([chosen]))
  })

  test('has panels that do not lie on each other', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })

  test('asks only for metrics that there are, by labels that they have', () => {
    const labels = labelsByName()
    for (const expr of expressions) {
      const names = namesIn(expr)
      const known = [...names].flatMap((name) => [...(labels.get(name) ?? [])])
      expect([expr, ...names].filter((name) => name === expr || !labels.has(name))).toEqual([expr])
      const asked = [
        ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
        ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label),
      ]
      expect(asked.filter((label) => !known.includes(label))).toEqual([])
      expect(expr.match(/[({]/g)?.length).toBe(expr.match(/[)}]/g)?.length)
    }
  })

  test('rates counters and histograms, and nothing else', () => {
    for (const expr of expressions) {
      const rated = [...expr.matchAll(/rate\((\w+)/g)].map(([, name = '']) => name)
      for (const name of rated) expect(name).toMatch(/_(total|count|sum|bucket)$/)
      for (const name of namesIn(expr))
        if (/_(total|count|sum|bucket)$/.test(name)) expect(rated).toContain(name)
    }
  })

  test('shows every metric but the CPU time that is the sum of two others', () => {
    const shown = expressions.flatMap((expr) =>
      [...namesIn(expr)].map((name) => name.replace(/_(bucket|count|sum)$/, '')),
    )
    const hidden = [...metrics.kinds.keys()].filter((name) => !shown.includes(name))
    expect(hidden).toEqual(['process_cpu_seconds_total'])
  })
})

test('docs/operations.md names every metric and no other', async () => {
  const [, section = ''] = (await Bun.file(join(root, 'docs/operations.md')).text()).split('\n## Metrics\n')
  const rows = section.split('\n## ')[0]?.match(/^\| `.*$/gm) ?? []
  const named = rows.flatMap((row) => [...namesIn(row.split('|')[1] ?? '')])
  expect(named.toSorted()).toEqual([...metrics.kinds.keys()].toSorted())
})
