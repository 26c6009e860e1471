import type { Command } from 'commander'
import type { Environment } from '../core/config'

/** Runs a command and returns the exit code. */
export type Action<O> = (environment: Environment, options: O) => Promise<number>

/** Turns an Action into the handler that commander calls. */
export type Wrap = <O>(work: Action<O>) => (options: O, command: Command) => Promise<void>
