import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** A package that `bun install --production` installs. */
export type Locked = {
  /** Where it lies: `a/b` is `node_modules/a/node_modules/b`. */
  location: string
  name: string
  version: string
  /** `sha512-…` of the package as the registry serves it. */
  integrity: string
  /** The locations of what it depends on. */
  needs: string[]
}

const Names = Type.Record(Type.String(), Type.String())
const Needs = Type.Object({
  dependencies: Type.Optional(Names),
  optionalDependencies: Type.Optional(Names),
  peerDependencies: Type.Optional(Names),
  optionalPeers: Type.Optional(Type.Array(Type.String())),
})
const Entry = Type.Tuple([Type.String(), Type.String(), Needs, Type.String()])
const Lock = Type.Object({
  workspaces: Type.Object({ '': Needs }),
  packages: Type.Record(Type.String(), Entry),
})
type Lock = typeof Lock.static

/** The production packages of a `bun.lock` and the locations of those that the project itself names. */
export function readLockfile(text: string): { direct: string[]; packages: Locked[] } {
  const lock: unknown = Bun.JSONC.parse(text)
  if (!Value.Check(Lock, lock)) throw new Error('bun.lock has a form that this script does not know')
  const direct = locationsOf(lock, '', { dependencies: lock.workspaces[''].dependencies ?? {} })
  const found = new Map<string, Locked>()
  for (const queue = [...direct]; ; ) {
    const location = queue.pop()
    if (location === undefined) break
    if (found.has(location)) continue
    const locked = lockedAt(lock, location)
    found.set(location, locked)
    queue.push(...locked.needs)
  }
  return { direct, packages: [...found.values()].sort((a, b) => (a.location < b.location ? -1 : 1)) }
}

function lockedAt(lock: Lock, location: string): Locked {
  const entry = lock.packages[location]
  if (!entry) throw new Error(`bun.lock has nothing at ${location}`)
  const [spelt, , needs, integrity] = entry
  const at = spelt.lastIndexOf('@')
  return {
    location,
    name: spelt.slice(0, at),
    version: spelt.slice(at + 1),
    integrity,
    needs: locationsOf(lock, location, needs),
  }
}

/** Without peers that are optional: whoever wants them depends on them. What is for another machine may be missing. */
function locationsOf(lock: Lock, from: string, needs: typeof Needs.static): string[] {
  const { dependencies, optionalDependencies, peerDependencies, optionalPeers = [] } = needs
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
  return names
    .filter((name) => !optionalPeers.includes(name))
    .flatMap((name) => {
      const location = locationOf(lock, from, name)
      if (location !== null) return [location]
      if (name in (optionalDependencies ?? {})) return []
      throw new Error(`bun.lock does not say where ${from} finds ${name}`)
    })
}

/** As a module is looked for: beside whoever asks, then one level further out, up to the top. */
function locationOf(lock: Lock, from: string, name: string): string | null {
  for (let levels = levelsOf(from); ; levels = levels.slice(0, -1)) {
    const location = [...levels, name].join('/')
    if (location in lock.packages) return location
    if (levels.length === 0) return null
  }
}

/** The packages that a location lies in, and its own: `['a', 'b']` for `a/b`. */
export const levelsOf = (location: string): string[] => location.match(/(@[^/]+\/)?[^/]+/g) ?? []
