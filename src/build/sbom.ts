import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import parseLicence from 'spdx-expression-parse'
import { type Locked, levelsOf, readLockfile } from './lockfile'
import type { Runtime } from './runtimes'

type Contents = {
  /** The directory of `bun.lock` and `node_modules`. */
  root: string
  version: string
  builtAt: Date
  /** The SHA-256 of the executable, in hex. */
  sha256: string
  runtime: Runtime
  /** The locations of the packages that the bundle holds. */
  bundled: ReadonlySet<string>
}

const { ComponentScope, ComponentType, ExternalReferenceType, HashAlgorithm } = Enums
const licences = new Contrib.License.Factories.LicenseFactory(parseLicence)

/**
 * Lists the parts of one executable as CycloneDX 1.6: the production packages of `bun.lock`, Bun, and the PostgreSQL
 * inside PGlite. Packages that the bundle left out are `excluded`. The same contents give the same text.
 */
export function makeSbom(contents: Contents): string {
  const { root, version, builtAt, sha256, runtime, bundled } = contents
  const { direct, packages } = readLockfile(readFileSync(join(root, 'bun.lock'), 'utf8'))
  const service = new Models.Component(ComponentType.Application, 'fastkit', {
    bomRef: 'fastkit',
    version,
    licenses: licencesOf('MIT'),
    hashes: new Models.HashDictionary([[HashAlgorithm['SHA-256'], sha256]]),
  })
  const components = new Map(packages.map((locked) => [locked.location, describe(root, locked, bundled)]))
  const bun = describeRuntime(runtime)
  connect(service, [...direct.map((location) => components.get(location)), bun])
  for (const { location, dependencies } of packages)
    connect(
      components.get(location),
      dependencies.map((dependency) => components.get(dependency)),
    )
  components.get(pglite)?.components.add(describePostgres(root))

  const bom = new Models.Bom({
    // Derived from the executable, because a random number would differ between builds.
    serialNumber: `urn:uuid:${uuidFrom(sha256)}`,
    metadata: new Models.Metadata({ timestamp: builtAt, component: service }),
    components: new Models.ComponentRepository([...components.values(), bun]),
  })
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`
}

const pglite = '@electric-sql/pglite'

function connect(from: Models.Component | undefined, to: (Models.Component | undefined)[]) {
  for (const component of to) if (component) from?.dependencies.add(component.bomRef)
}

function describe(
  root: string,
  { location, name, version, integrity }: Locked,
  bundled: ReadonlySet<string>,
) {
  const dir = join(root, ...levelsOf(location).flatMap((level) => ['node_modules', level]))
  const installed = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  if (installed.version !== version)
    throw new Error(
      `node_modules has ${name} ${installed.version} and bun.lock ${version}; run \`bun install\``,
    )
  const [bare = '', group] = name.split('/').reverse()
  return new Models.Component(ComponentType.Library, bare, {
    ...(group !== undefined && { group }),
    version,
    bomRef: location,
    purl: purlOf(name, version),
    licenses: licencesOf(installed.license),
    hashes: hashOf(integrity),
    scope: bundled.has(location) ? ComponentScope.Required : ComponentScope.Excluded,
  })
}

function describeRuntime({ name, version, integrity }: Runtime) {
  const notices = `https://github.com/oven-sh/bun/blob/bun-v${version}/LICENSE.md`
  return new Models.Component(ComponentType.Platform, 'bun', {
    bomRef: 'bun',
    version,
    purl: purlOf(name, version),
    licenses: licencesOf('MIT'),
    hashes: hashOf(integrity),
    scope: ComponentScope.Required,
    // The notices cover the parts of Bun, such as JavaScriptCore.
    externalReferences: new Models.ExternalReferenceRepository([
      new Models.ExternalReference(notices, ExternalReferenceType.License),
    ]),
  })
}

function describePostgres(root: string) {
  const wasm = readFileSync(join(root, 'node_modules', pglite, 'dist/pglite.wasm'), 'latin1')
  const [, version] = /PostgreSQL (\d+\.\d+) \(PGlite/.exec(wasm) ?? []
  if (!version) throw new Error('PGlite does not name its version of PostgreSQL')
  return new Models.Component(ComponentType.Application, 'postgresql', {
    bomRef: 'postgresql',
    version,
    purl: `pkg:generic/postgresql@${version}`,
    licenses: licencesOf('PostgreSQL'),
    scope: ComponentScope.Required,
  })
}

const purlOf = (name: string, version: string) => `pkg:npm/${name.replace('@', '%40')}@${version}`

const licencesOf = (text: string) => new Models.LicenseRepository([licences.makeFromString(text)])

/** Converts `sha512-…` in base64, the form of registries, to the hex of CycloneDX. */
const hashOf = (integrity: string) =>
  new Models.HashDictionary([
    [HashAlgorithm['SHA-512'], Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')],
  ])

/** A UUIDv8 (RFC 9562 §5.8): 122 bits of the hash, version and variant. */
const uuidFrom = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
