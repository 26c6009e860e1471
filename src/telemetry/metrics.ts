import { Gauge, Histogram, Registry } from 'prom-client'
import { watchEventLoop } from '../core/event-loop-lag'
import type { OnResponse } from '../core/response-info'
import type { Runtime } from '../deps'
import { createCounters } from './counters'
import { processMetrics } from './process-metrics'
import { registerMetrics } from './register-metrics'
import { timeRequests } from './request-duration'
import { serviceMetrics } from './service-metrics'

export type Metrics = { registry: Registry; onResponse: OnResponse; stop(): void }

/** Builds the registry of `/metrics`. Existing numbers are read at collection, so none is kept twice. */
export function createMetrics(runtime: Runtime, version: string): Metrics {
  const registry = new Registry()
  addBuild(registry, version)
  registerMetrics(registry, [
    ...serviceMetrics(runtime, createCounters(runtime.deps.events)),
    ...processMetrics(),
  ])
  const onResponse = timeRequests(registry)
  const lag = new Histogram({
    name: 'fastkit_event_loop_lag_seconds',
    help: 'How late the event loop comes to a timer, ten times a second.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  const watch = watchEventLoop((seconds) => lag.observe(seconds))
  return { registry, onResponse, stop: watch.stop }
}

function addBuild(registry: Registry, version: string) {
  new Gauge({
    name: 'fastkit_build_info',
    help: 'Always 1: which version runs, on which Bun.',
    labelNames: ['version', 'bun'],
    registers: [registry],
  }).set({ version, bun: Bun.version }, 1)
}
