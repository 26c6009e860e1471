import { type Schema, simplify, withChildren } from './json-schema'

export type Components = ReturnType<typeof createComponents>
type Kind = 'schemas' | 'responses' | 'headers' | 'examples'

/** Collects what is named once and referred to from many places. */
export function createComponents() {
  const all: Record<Kind, Record<string, Schema>> = { schemas: {}, responses: {}, headers: {}, examples: {} }

  /** Puts `value` among the components, and answers what refers to it. */
  const add = (kind: Kind, name: string, value: Schema): Schema => {
    const known = all[kind][name]
    if (known && !Bun.deepEquals(known, value)) throw new Error(`two ${kind} are named ${name}`)
    all[kind][name] = value
    return { $ref: `#/components/${kind}/${name}` }
  }

  /**
   * A schema with a `title` becomes the component of that name; others are written where they stand. The examples of a
   * component belong to the places that refer to it, where they may differ.
   */
  const write = (schema: Schema): Schema => {
    const { title, ...rest } = simplify(withChildren(schema, write))
    if (typeof title !== 'string') return rest
    const { examples: _, ...shape } = rest
    return add('schemas', title, shape)
  }
  return { all, add, write }
}
