import { statSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { buildExecutable } from './executable'
import { reason, refuse } from './exit-with-reason'
import { isTarget, type Target, targets } from './targets'

// bun run build [--target=bun-linux-arm64]

const startedAt = performance.now()
const target = parseTarget(process.argv.slice(2))
try {
  const path = await buildExecutable(target)
  const megabytes = (statSync(path).size / 1e6).toFixed(1)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${relative(process.cwd(), path)}  ${megabytes} MB  ${seconds} s`)
} catch (error) {
  refuse(`cannot build${target ? ` for ${target}` : ''}: ${reason(error)}`, 1)
}

function parseTarget(args: string[]): Target | null {
  try {
    const { target = null } = parseArgs({ args, options: { target: { type: 'string' } } }).values
    if (target === null || isTarget(target)) return target
    throw new Error(`'${target}' is not a target; the targets are ${targets.join(', ')}`)
  } catch (error) {
    refuse(`${reason(error)}\nusage: bun run build [--target=TARGET]`, 2)
  }
}
