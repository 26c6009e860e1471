import { describeConfig, type Environment } from '../core/config'

/** Prints every setting with its source as a comment. The output is a valid environment file. */
export async function printConfig(environment: Environment): Promise<number> {
  const lines = describeConfig(environment).map(
    ({ name, value, source }) => `${`${name}=${value}`.padEnd(48)} # ${source}\n`,
  )
  process.stdout.write(lines.join(''))
  return 0
}
