import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from './targets'

/** The Bun that an executable embeds. */
export type Runtime = { name: string; version: string; integrity: string; path: string }

/**
 * Installs Bun for each target as npm packages in `dir`. An install verifies checksums and uses the configured registry.
 * See docs/workarounds.md#bun-cross-download.
 */
export async function fetchRuntimes(targets: readonly Target[], dir: string): Promise<Map<Target, Runtime>> {
  mkdirSync(dir, { recursive: true })
  const names = new Map(targets.map((target) => [target, packageFor(target)]))
  const dependencies = Object.fromEntries([...names.values()].map((name) => [name, Bun.version]))
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ private: true, dependencies }))
  const install = ['install', '--os=*', '--cpu=*', '--libc=*', '--ignore-scripts']
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, ...install], { cwd: dir, stderr: 'pipe' })
  if (exitCode !== 0) throw new Error(`cannot fetch Bun ${Bun.version}: ${stderr.toString().trim()}`)
  const lock = readFileSync(join(dir, 'bun.lock'), 'utf8')
  return new Map(
    [...names].map(([target, name]) => {
      const path = join(dir, 'node_modules', name, 'bin/bun')
      return [target, { name, version: Bun.version, integrity: integrityIn(lock, name), path }]
    }),
  )
}

const packageFor = (target: Target) => `@oven/${target.replace('arm64', 'aarch64')}`

function integrityIn(lock: string, name: string): string {
  const [, integrity] = new RegExp(`"${name}@${Bun.version}".*"(sha512-[^"]+)"`).exec(lock) ?? []
  if (!integrity) throw new Error(`the registry has no checksum of ${name}`)
  return integrity
}
