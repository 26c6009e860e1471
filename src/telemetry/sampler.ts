import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'

/** The sampler that OTEL_TRACES_SAMPLER names (OpenTelemetry specification). */
export function samplerOf(name: string, ratio: number): Sampler {
  const rootOf = (kind: string) => {
    if (kind === 'always_off') return new AlwaysOffSampler()
    return kind === 'traceidratio' ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler()
  }
  const [, kind] = /^parentbased_(\w+)$/.exec(name) ?? []
  return kind ? new ParentBasedSampler({ root: rootOf(kind) }) : rootOf(name)
}
