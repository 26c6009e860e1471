import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { targets } from '../../src/build/targets'
import { repository } from '../support/executable'

// RELEASE=full makes all targets twice, which takes some minutes and 2 GB.
const isFull = Bun.env['RELEASE'] === 'full'
const own = `bun-${process.platform}-${process.arch}`
const made = isFull ? [...targets] : [own]
const home = mkdtempSync(join(tmpdir(), 'fastkit-release-'))
const clone = join(home, 'clone')
const out = join(clone, 'dist/release')
const { version } = await Bun.file(join(repository, 'package.json')).json()
const nameOf = (target: string) => `fastkit-${version}-${target.replace('bun-', '')}`

const marks = ['marked-in-the-environment', 'marked-in-dot-env', 'marked-in-the-data']
const environment = {
  PATH: `${dirname(process.execPath)}:${Bun.env['PATH']}`,
  HOME: Bun.env['HOME'] ?? home,
  JWT_SECRET: `${marks[0]}-of-32-bytes-or-more`,
  DATABASE_URL: `postgres://fastkit:${marks[0]}@127.0.0.1:9/none`,
  npm_config__authToken: `${marks[0]}`,
}

const release = (...args: string[]) =>
  Bun.$`${process.execPath} run release ${args}`.cwd(clone).env(environment).nothrow().quiet()
const git = (...args: string[]) =>
  Bun.$`git -c user.name=tests -c user.email=tests@example.com ${args}`.cwd(clone).quiet()

setDefaultTimeout(600_000)
beforeAll(async () => {
  const list = await Bun.$`git ls-files -z --cached --others --exclude-standard`.cwd(repository).text()
  for (const path of list.split('\0').filter((path) => path !== '' && path !== 'node_modules'))
    cpSync(join(repository, path), join(clone, path))
  symlinkSync(join(repository, 'node_modules'), join(clone, 'node_modules'))
  writeFileSync(join(clone, '.env'), `JWT_SECRET=${marks[1]}-of-32-bytes-or-more\n`)
  await git('init', '--quiet')
  writeFileSync(join(clone, '.git/info/exclude'), 'node_modules\n')
  await git('add', '.')
  await git('commit', '--quiet', '--message=all')
  await Bun.write(join(clone, 'data/jwt-secret'), marks[2] ?? '')
  const { exitCode, stderr } = await release(...(isFull ? [] : [`--target=${own}`]))
  expect([exitCode, stderr.toString()]).toEqual([0, expect.any(String)])
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

type Sbom = { metadata: { component: Component }; components: Component[]; dependencies: Dependency[] }
type Dependency = { ref: string; dependsOn?: string[] }
type Component = {
  'bom-ref': string
  name: string
  group?: string
  version: string
  purl?: string
  scope?: string
  hashes?: { alg: string; content: string }[]
  licenses?: unknown[]
  components?: Component[]
}
const sbomText = (target = own) => readFileSync(join(out, `${nameOf(target)}.cdx.json`), 'utf8')
const sbomOf = (target = own): Sbom => JSON.parse(sbomText(target))
const spelt = ({ group, name, version }: Component) => `${group ? `${group}/` : ''}${name}@${version}`
const packagesOf = ({ components }: Sbom) => components.filter((component) => component.name !== 'bun')

describe('bun run release', () => {
  test('writes an executable and a bill of materials for each target, and correct checksums', async () => {
    const names = made.flatMap((target) => [nameOf(target), `${nameOf(target)}.cdx.json`])
    expect(readdirSync(out).toSorted()).toEqual(['SHA256SUMS', ...names].toSorted())
    const checked = await Bun.$`sha256sum --strict --check SHA256SUMS`.cwd(out).text()
    expect(checked.trimEnd().split('\n').toSorted()).toEqual(names.map((name) => `${name}: OK`).toSorted())
  })

  test('makes an executable that prints its version and commit', async () => {
    const commit = (await Bun.$`git rev-parse --short=12 HEAD`.cwd(clone).text()).trim()
    const printed = await Bun.$`${join(out, nameOf(own))} version`.cwd(home).env({}).text()
    expect(printed).toBe(`${version} (${commit})\n`)
  })

  test('puts no value of the environment, .env or data into the executable', () => {
    const bytes = readFileSync(join(out, nameOf(own)))
    for (const encoding of ['utf8', 'utf16le'] as const)
      expect(marks.filter((mark) => bytes.includes(mark, 0, encoding))).toEqual([])
    expect(bytes.includes('refresh_token_reused')).toBe(true)
  })

  test.each([
    ['a tag of another version', ['--tag=v9.9.9'], [1, 'v9.9.9']],
    ['a tag without its v', [`--tag=${version}`], [1, 'tag']],
    ['an unknown target', ['--target=bun-windows-x64'], [2, 'usage:']],
    ['an unknown option', ['--nonsense'], [2, 'usage:']],
  ])('refuses %s, and keeps the previous release', async (_, args, [code, message]) => {
    const before = readdirSync(out)
    const { exitCode, stderr } = await release(...args)
    expect([exitCode, stderr.toString()]).toEqual([code, expect.stringContaining(String(message))])
    expect(readdirSync(out)).toEqual(before)
  })

  test.each([
    ['changed', 'README.md'],
    ['new', 'src/notes.ts'],
  ])('refuses files that are %s', async (_, path) => {
    await Bun.write(join(clone, path), 'changed')
    const { exitCode, stderr } = await release(`--tag=v${version}`)
    expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining(path)])
    await git('checkout', '--quiet', '.')
    await git('clean', '--quiet', '--force', 'src')
  })
})

describe('the bill of materials', () => {
  test.each(made)('of %s is valid by the schema of CycloneDX 1.6', async (target) => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
    expect(await validator.validate(sbomText(target))).toBeNull()
    expect(await validator.validate(sbomText(target).replace('"library"', '"book"'))).not.toBeNull()
  })

  test('lists exactly the packages of a production install', async () => {
    const dir = join(home, 'production')
    const { devDependencies, ...rest } = await Bun.file(join(clone, 'package.json')).json()
    await Bun.write(join(dir, 'package.json'), JSON.stringify(rest))
    await Bun.write(join(dir, 'bun.lock'), Bun.file(join(clone, 'bun.lock')))
    await Bun.$`${process.execPath} install --ignore-scripts`.cwd(dir).quiet()
    // A glob of Bun finds nothing when a brace contains a slash.
    const paths = ['*', '@*/*'].flatMap((name) => [
      ...new Bun.Glob(`**/node_modules/${name}/package.json`).scanSync({ cwd: dir }),
    ])
    const installed = paths.map((path) => JSON.parse(readFileSync(join(dir, path), 'utf8')))
    const found = new Set(installed.map(({ name, version }) => `${name}@${version}`))
    expect(devDependencies).toBeObject()
    expect([...new Set(packagesOf(sbomOf()).map(spelt))].toSorted()).toEqual([...found].toSorted())
  })

  test('has the licence, the purl and the checksum of bun.lock for each package', async () => {
    const lock = await Bun.file(join(clone, 'bun.lock')).text()
    for (const component of packagesOf(sbomOf())) {
      const integrity = Buffer.from(component.hashes?.[0]?.content ?? '', 'hex').toString('base64')
      expect(lock).toContain(`["${spelt(component)}"`)
      expect(lock).toContain(`"sha512-${integrity}"]`)
      expect(decodeURIComponent(component.purl ?? '')).toBe(`pkg:npm/${spelt(component)}`)
      expect([spelt(component), component.licenses]).toEqual([spelt(component), [expect.anything()]])
    }
  })

  test('distinguishes bundled packages from installed ones', () => {
    const scopes = new Map(packagesOf(sbomOf()).map((component) => [component['bom-ref'], component.scope]))
    expect(
      ['elysia', 'postgres', 'swagger-ui-dist', 'jose', '@electric-sql/pglite'].map((it) => scopes.get(it)),
    ).toEqual(Array(5).fill('required'))
    expect(['@scarf/scarf', '@electric-sql/pglite-age'].map((it) => scopes.get(it))).toEqual(
      Array(2).fill('excluded'),
    )
  })

  test('has the embedded Bun, PostgreSQL as a part of PGlite, and the executable', () => {
    for (const target of made) {
      const { metadata, components } = sbomOf(target)
      const bun = components.find(({ name }) => name === 'bun')
      const npm = target.replace('bun-', '').replace('arm64', 'aarch64')
      expect(bun?.purl).toBe(`pkg:npm/%40oven/bun-${npm}@${Bun.version}`)
      expect(bun?.hashes?.[0]).toEqual({ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) })
      const pglite = components.find(({ name }) => name === 'pglite')
      expect(pglite?.components).toMatchObject([
        { name: 'postgresql', version: expect.stringMatching(/^18\.\d+$/) },
      ])
      const sha256 = new Bun.CryptoHasher('sha256')
        .update(readFileSync(join(out, nameOf(target))))
        .digest('hex')
      expect(metadata.component.hashes).toEqual([{ alg: 'SHA-256', content: sha256 }])
    }
  })

  test('connects every component to the service', () => {
    const { components, dependencies } = sbomOf()
    const needs = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]))
    const reached = new Set<string>()
    for (const queue = ['fastkit']; queue.length > 0; ) {
      const ref = queue.pop() ?? ''
      if (!reached.has(ref)) queue.push(...(needs.get(ref) ?? []))
      reached.add(ref)
    }
    expect(components.map((component) => component['bom-ref']).filter((ref) => !reached.has(ref))).toEqual([])
  })
})

describe.skipIf(!isFull)('every target', () => {
  // ELF: e_machine at 18; Mach-O: cputype at 4.
  const heads: Record<string, [number, string]> = {
    'bun-linux-x64': [18, '3e00'],
    'bun-linux-x64-musl': [18, '3e00'],
    'bun-linux-arm64': [18, 'b700'],
    'bun-linux-arm64-musl': [18, 'b700'],
    'bun-darwin-x64': [4, '07000001'],
    'bun-darwin-arm64': [4, '0c000001'],
  }
  test.each([...targets])('%s has the right architecture', (target) => {
    const [at, wanted] = heads[target] ?? [0, 'none']
    const bytes = readFileSync(join(out, nameOf(target)))
    expect(bytes.subarray(at, at + wanted.length / 2).toString('hex')).toBe(wanted)
    // The interpreter is near the start. The text of Bun names both further on.
    expect(bytes.subarray(0, 4096).includes('ld-musl')).toBe(target.endsWith('musl'))
  })

  test('a second release is identical', async () => {
    const before = readFileSync(join(out, 'SHA256SUMS'), 'utf8')
    expect((await release()).exitCode).toBe(0)
    expect(readFileSync(join(out, 'SHA256SUMS'), 'utf8')).toBe(before)
  })
})
