/** Formats an error. A failed bundle is an AggregateError, and only Bun.inspect shows the locations of its errors. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map((part) => Bun.inspect(part))].join('\n')
  return error instanceof Error ? error.message : String(error)
}

/** Prints a message to standard error and ends the script. */
export function refuse(message: string, exitCode: number): never {
  console.error(message)
  process.exit(exitCode)
}
