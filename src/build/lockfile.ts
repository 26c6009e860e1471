import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** A package that `bun install --production` installs. */
export type Locked = {
  /** The place of the package: `a/b` is `node_modules/a/node_modules/b`. */
  location: string
  name: string
  version: string
  /** The `sha512-…` of the archive in the registry. */
  integrity: string
  /** The locations of its dependencies. */
  dependencies: string[]
}

const Names = Type.Record(Type.String(), Type.String())
const DependencyFields = Type.Object({
  dependencies: Type.Optional(Names),
  optionalDependencies: Type.Optional(Names),
  peerDependencies: Type.Optional(Names),
  optionalPeers: Type.Optional(Type.Array(Type.String())),
})
const Entry = Type.Tuple([Type.String(), Type.String(), DependencyFields, Type.String()])
const Lock = Type.Object({
  workspaces: Type.Object({ '': DependencyFields }),
  packages: Type.Record(Type.String(), Entry),
})
type Lock = typeof Lock.static

/** The production packages of a `bun.lock`, and the locations of the direct dependencies. */
export function readLockfile(text: string): { direct: string[]; packages: Locked[] } {
  const lock: unknown = Bun.JSONC.parse(text)
  if (!Value.Check(Lock, lock)) throw new Error('bun.lock has an unknown format')
  const direct = locationsOf(lock, '', { dependencies: lock.workspaces[''].dependencies ?? {} })
  const found = new Map<string, Locked>()
  for (const queue = [...direct]; ; ) {
    const location = queue.pop()
    if (location === undefined) break
    if (found.has(location)) continue
    const locked = lockedAt(lock, location)
    found.set(location, locked)
    queue.push(...locked.dependencies)
  }
  return { direct, packages: [...found.values()].sort((a, b) => (a.location < b.location ? -1 : 1)) }
}

function lockedAt(lock: Lock, location: string): Locked {
  const entry = lock.packages[location]
  if (!entry) throw new Error(`bun.lock has no package ${location}`)
  const [id, , fields, integrity] = entry
  const at = id.lastIndexOf('@')
  return {
    location,
    name: id.slice(0, at),
    version: id.slice(at + 1),
    integrity,
    dependencies: locationsOf(lock, location, fields),
  }
}

/** Finds dependencies. Optional peers are left out, and an optional dependency for another platform may be missing. */
function locationsOf(lock: Lock, from: string, fields: typeof DependencyFields.static): string[] {
  const { dependencies, optionalDependencies, peerDependencies, optionalPeers = [] } = fields
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
  return names
    .filter((name) => !optionalPeers.includes(name))
    .flatMap((name) => {
      const location = locationOf(lock, from, name)
      if (location !== null) return [location]
      if (name in (optionalDependencies ?? {})) return []
      throw new Error(`bun.lock has no ${name} for ${from}`)
    })
}

/** Resolves a name as Node does: in the node_modules of the dependent package, then one level up, to the top. */
function locationOf(lock: Lock, from: string, name: string): string | null {
  for (let levels = levelsOf(from); ; levels = levels.slice(0, -1)) {
    const location = [...levels, name].join('/')
    if (location in lock.packages) return location
    if (levels.length === 0) return null
  }
}

/** The packages along a location: `['a', 'b']` for `a/b`. */
export const levelsOf = (location: string): string[] => location.match(/(@[^/]+\/)?[^/]+/g) ?? []
