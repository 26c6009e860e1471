/** The values of `--target`. Windows is missing: the embedded database speaks over a unix socket. */
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

/** `fastkit` for this machine, `fastkit-linux-arm64` and the like for a named one. */
export function fileNameFor(target: Target | null): string {
  return target ? target.replace(/^bun/, 'fastkit') : 'fastkit'
}
