/** A failed bundle holds each fault by itself, and only Bun's own rendering says where. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map((fault) => Bun.inspect(fault))].join('\n')
  return error instanceof Error ? error.message : String(error)
}

/** Says why not, and ends the script. */
export function refuse(message: string, exitCode: number): never {
  console.error(message)
  process.exit(exitCode)
}
