/** The command line is wrong: printed with a usage line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
