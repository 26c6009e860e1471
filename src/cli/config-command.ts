import { describeConfig, type Environment } from '../core/config'

/** Prints every setting, with the place it came from as a comment: the output is itself an environment file. */
export async function printConfig(environment: Environment): Promise<number> {
  const lines = describeConfig(environment).map(
    ({ name, value, source }) => `${`${name}=${value}`.padEnd(48)} # ${source}\n`,
  )
  process.stdout.write(lines.join(''))
  return 0
}
