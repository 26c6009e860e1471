import { exampleOf, isObject, type Schema, schemasIn } from './json-schema'
import { codeInHtml, inHtml, tableInHtml } from './markup'

/** Shapes by name: what each is for, its fields, an example. */
export const shapesInHtml = (shapes: Record<string, Schema>, prefix: string) =>
  Object.entries(shapes)
    .map(([name, schema]) => shapeInHtml(schema, { name, id: `${prefix}-${name}` }))
    .join('\n')

const shapeInHtml = (schema: Schema, { name, id }: { name: string; id: string }) => `<article id="${id}">
<h3><a href="#${id}"><code>${name}</code></a></h3>
<p>${inHtml(String(schema['description'] ?? ''))}</p>
${tableInHtml({ head: ['field', 'type', 'meaning'], rows: fieldsOf(schema) })}
${codeInHtml(JSON.stringify(exampleOf(schema), null, 1).replace(/\n\s*/g, ' '))}
</article>`

function fieldsOf({ properties, required }: Schema): string[][] {
  if (!isObject(properties)) return []
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  return Object.entries(schemasIn(properties)).map(([name, schema]) => [
    `\`${name}\``,
    `${typeOf(schema)}${isRequired(name) ? '' : ', optional'}`,
    String(schema['description'] ?? ''),
  ])
}

/** In a few words; what has a name of its own goes by that. */
function typeOf({ title, type, const: constant, items, properties, anyOf }: Schema): string {
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``
  if (typeof title === 'string') return title
  if (isObject(items)) return `list of ${typeOf(items)}`
  if (isObject(properties)) return `{ ${Object.keys(properties).join(', ')} }`
  if (Array.isArray(anyOf)) return anyOf.filter(isObject).map(typeOf).join(' or ')
  return typeof type === 'string' ? type : 'any'
}
