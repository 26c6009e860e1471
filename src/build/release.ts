import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../../package.json'
import { makeAssets } from '../embedded/build-assets'
import { compile } from './executable'
import { reason, refuse } from './exit-with-reason'
import { changedFiles, committedAt } from './git-commit'
import { fetchRuntimes, type Runtime } from './runtimes'
import { makeSbom } from './sbom'
import { isTarget, type Target, targets } from './targets'

// bun run release [--tag=v1.2.3] [--target=TARGET ...]

const root = join(import.meta.dir, '../..')
const dist = join(root, 'dist')
const usage = 'usage: bun run release [--tag=vVERSION] [--target=TARGET ...]'

const { tag, selected } = parseArguments(process.argv.slice(2))
try {
  assertReleasable(tag)
  await release(selected)
} catch (error) {
  refuse(`cannot release: ${reason(error)}`, 1)
}

function parseArguments(args: string[]): { tag: string | null; selected: readonly Target[] } {
  try {
    const options = { tag: { type: 'string' }, target: { type: 'string', multiple: true } } as const
    const { tag = null, target: names = [...targets] } = parseArgs({ args, options }).values
    const unknown = names.find((name) => !isTarget(name))
    if (unknown === undefined) return { tag, selected: names.filter(isTarget) }
    throw new Error(`'${unknown}' is not a target; the targets are ${targets.join(', ')}`)
  } catch (error) {
    refuse(`${reason(error)}\n${usage}`, 2)
  }
}

/** A release must be traceable to its source: to a commit, and to a tag with the version of package.json. */
function assertReleasable(tag: string | null) {
  const changed = changedFiles(root)
  if (changed === null) throw new Error('this is not a git repository')
  if (changed !== '') throw new Error(`files differ from the commit:\n${changed}`)
  if (tag !== null && tag !== `v${version}`)
    throw new Error(`the tag ${tag} does not match version ${version} of package.json`)
  // bun.lock pins everything else that is bundled.
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  if (packageManager !== `bun@${Bun.version}`)
    throw new Error(`Bun ${Bun.version} runs, and package.json requires ${packageManager}`)
}

/** Writes `dist/release` by one rename, so it holds a complete release or none. */
async function release(selected: readonly Target[]) {
  mkdirSync(dist, { recursive: true })
  const scratch = mkdtempSync(join(dist, '.release-'))
  try {
    const assets = await makeAssets(join(scratch, 'assets'))
    const runtimes = await fetchRuntimes(selected, join(scratch, 'runtimes'))
    const out = join(scratch, 'out')
    mkdirSync(out)
    const lines: string[] = []
    for (const [target, runtime] of runtimes)
      lines.push(...(await releaseOne({ target, runtime, assets, scratch, out })))
    writeFileSync(join(out, 'SHA256SUMS'), lines.join(''))
    rmSync(join(dist, 'release'), { recursive: true, force: true })
    renameSync(out, join(dist, 'release'))
    console.log(`${relative(process.cwd(), join(dist, 'release'))}/SHA256SUMS`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

type Build = { target: Target; runtime: Runtime; assets: string[]; scratch: string; out: string }

/** Makes the executable and its bill of materials. Returns their lines for SHA256SUMS. */
async function releaseOne({ target, runtime, assets, scratch, out }: Build): Promise<string[]> {
  const startedAt = performance.now()
  const name = `fastkit-${version}-${target.replace(/^bun-/, '')}`
  const dir = mkdtempSync(join(scratch, 'compile-'))
  const { path, packages: bundled } = await compile({ dir, target, assets, runtime: runtime.path })
  const sha256 = sha256Of(path)
  const sbom = `${name}.cdx.json`
  const builtAt = committedAt(root)
  writeFileSync(join(out, sbom), makeSbom({ root, version, builtAt, sha256, runtime, bundled }))
  renameSync(path, join(out, name))
  const megabytes = (statSync(join(out, name)).size / 1e6).toFixed(1)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${name}  ${megabytes} MB  ${seconds} s  sha256:${sha256}`)
  return [`${sha256}  ${name}\n`, `${sha256Of(join(out, sbom))}  ${sbom}\n`]
}

function sha256Of(path: string): string {
  return new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex')
}
