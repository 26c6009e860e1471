import { type Schema, simplify, withChildren } from './json-schema'

export type Components = ReturnType<typeof createComponents>
type Kind = 'schemas' | 'responses' | 'headers' | 'examples'

/** Collects the named parts of the document, which other parts refer to. */
export function createComponents() {
  const all: Record<Kind, Record<string, Schema>> = { schemas: {}, responses: {}, headers: {}, examples: {} }

  /** Adds a component, and returns a reference to it. */
  const add = (kind: Kind, name: string, value: Schema): Schema => {
    const known = all[kind][name]
    if (known && !Bun.deepEquals(known, value)) throw new Error(`two ${kind} are named ${name}`)
    all[kind][name] = value
    return { $ref: `#/components/${kind}/${name}` }
  }

  /**
   * Turns a schema with a `title` into a component of that name, and returns others as they are. A component has no
   * examples, because each reference may have its own.
   */
  const write = (schema: Schema): Schema => {
    const { title, ...rest } = simplify(withChildren(schema, write))
    if (typeof title !== 'string') return rest
    const { examples: _, ...shape } = rest
    return add('schemas', title, shape)
  }
  return { all, add, write }
}
