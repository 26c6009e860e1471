import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError, type Environment } from '../core/config'

/** The variables of the process, over those of `--env-file`. Throws ConfigError when that file cannot be read. */
export function environment(envFile: string | undefined): Environment {
  if (envFile === undefined) return Bun.env
  try {
    return { ...parseEnv(readFileSync(envFile, 'utf8')), ...Bun.env }
  } catch {
    throw new ConfigError([`--env-file ${envFile} cannot be read`])
  }
}
