import type { OnResponse } from './response-info'

/** Runs a part of a request in a span of its own. */
export type Step = <T>(name: string, about: Record<string, string>, work: () => Promise<T>) => Promise<T>

/** Traces requests through everything they wait for. */
export type Tracing = {
  /** Runs the handling of a request. All spans inside belong to it. */
  follow<T>(request: Request, work: () => T): T
  step: Step
  /** Ends the span of a request. */
  onResponse: OnResponse
  /** The trace id of the current request, if there is one. */
  traceId(): string | null
}
