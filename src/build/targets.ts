/** The values of `--target`. Windows is missing, because the embedded database listens on a unix socket. */
export const targets = [
  'bun-linux-x64',
  'bun-linux-arm64',
  'bun-linux-x64-musl',
  'bun-linux-arm64-musl',
  'bun-darwin-x64',
  'bun-darwin-arm64',
] as const
export type Target = (typeof targets)[number]

export const isTarget = (name: string): name is Target => targets.some((target) => target === name)

/** The name of the executable: `fastkit` for this machine, or for example `fastkit-linux-arm64`. */
export function fileNameFor(target: Target | null): string {
  return target ? target.replace(/^bun/, 'fastkit') : 'fastkit'
}
