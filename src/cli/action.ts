import type { Command } from 'commander'
import type { Environment } from '../core/config'

/** What a command does; answers the exit code. */
export type Action<O> = (environment: Environment, options: O) => Promise<number>

/** Makes what commander calls out of what takes the environment and the options. */
export type Wrap = <O>(work: Action<O>) => (options: O, command: Command) => Promise<void>
