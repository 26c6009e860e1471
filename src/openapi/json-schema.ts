/** A JSON schema as TypeBox makes it, or any other object of the document. */
export type Schema = { [keyword: string]: unknown }

/** A value that fits the schema, made from the examples of its parts; `undefined` without any. */
export function exampleOf(schema: Schema): unknown {
  const { examples, properties, items, anyOf, const: constant, default: fallback } = schema
  if (Array.isArray(examples)) return examples[0]
  if (constant !== undefined) return constant
  if (isObject(properties)) return mapValues(schemasIn(properties), exampleOf)
  if (isObject(items)) return [exampleOf(items)]
  if (Array.isArray(anyOf)) return anyOf.filter(isObject).map(exampleOf)[0]
  return fallback ?? (schema['type'] === 'null' ? null : undefined)
}

/** The schema with every schema inside it replaced. */
export function withChildren(schema: Schema, replace: (schema: Schema) => Schema): Schema {
  // Leaves out the symbols of TypeBox. An optional field has one more, although its schema is the same.
  const copy: Schema = Object.fromEntries(Object.entries(schema))
  if (isObject(copy['properties'])) copy['properties'] = mapValues(schemasIn(copy['properties']), replace)
  if (isObject(copy['items'])) copy['items'] = replace(copy['items'])
  for (const keyword of ['anyOf', 'allOf', 'oneOf']) {
    const parts = copy[keyword]
    if (Array.isArray(parts)) copy[keyword] = parts.filter(isObject).map(replace)
  }
  return copy
}

/** An equal schema that tools show better: literals as `enum`, a nullable schema as a `type` with two names. */
export function simplify({ anyOf, ...rest }: Schema): Schema {
  if (!Array.isArray(anyOf)) return rest
  const parts = anyOf.filter(isObject).filter((part) => !isTextOfAnother(part))
  const [first = {}, second] = parts
  if (!second) return { ...first, ...rest }
  if (parts.every((part) => typeof part['const'] === 'string')) {
    return { type: 'string', enum: parts.map((part) => part['const']), ...rest }
  }
  const isNullable = parts.length === 2 && second['type'] === 'null' && isPlain(first)
  return isNullable ? { ...first, ...rest, type: [first['type'], 'null'] } : { anyOf: parts, ...rest }
}

/** See docs/workarounds.md#elysia-query-integer. */
const isTextOfAnother = ({ type, format }: Schema) =>
  type === 'string' && ['numeric', 'integer', 'boolean'].includes(String(format))

const isPlain = (schema: Schema) =>
  typeof schema['type'] === 'string' && !('enum' in schema) && !('const' in schema)

export const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const schemasIn = (record: Schema): Record<string, Schema> =>
  Object.fromEntries(Object.entries(record).filter((entry): entry is [string, Schema] => isObject(entry[1])))

/** The record with each value changed. */
export const mapValues = <A, B>(record: Record<string, A>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
