import type { OnResponse } from './response-info'

/** Runs a part of a request that is being followed, named and timed by itself. */
export type Step = <T>(name: string, about: Record<string, string>, work: () => Promise<T>) => Promise<T>

/** Follows requests through what they wait for, for those who collect traces. */
export type Tracing = {
  /** Runs the handling of a request: whatever it waits for belongs to it. */
  follow<T>(request: Request, work: () => T): T
  step: Step
  /** Ends what is told of a request. */
  onResponse: OnResponse
  /** The trace of the request in whose course this is asked, if there is one. */
  traceId(): string | null
}
