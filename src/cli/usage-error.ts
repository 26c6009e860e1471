/** The command line makes no sense as it stands: told with a usage line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
