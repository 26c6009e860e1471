import Ajv from 'ajv/dist/2020'
import type { Answer } from './client'

type Reference = { $ref?: string }
type Content = Record<string, { schema: object; example?: unknown }>
type Response = { content?: Content }
type Described = {
  security?: Record<string, string[]>[]
  requestBody?: { content: Content }
  responses: Record<string, Response & Reference>
}
type Document = {
  paths: Record<string, Record<string, Described>>
  components: { responses: Record<string, Response> }
}

/** One operation of the OpenAPI document; `roles` is `null` for an open door and empty for any account. */
export type Operation = ReturnType<typeof operationsIn>[number]

/** Every operation that the document describes, and what it says of who may come in. */
export function operationsIn({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, described]) => {
      const security = described.security ?? []
      const isOptional = security.some((schemes) => Object.keys(schemes).length === 0)
      const roles = security.find((schemes) => 'bearer' in schemes)?.['bearer'] ?? null
      const [[type, { example }] = ['', { example: undefined }]] = Object.entries(
        described.requestBody?.content ?? {},
      )
      return { name: `${method.toUpperCase()} ${path}`, described, roles, isOptional, type, example }
    }),
  )
}

/** Tells what an answer has that the document does not declare, or `null`. */
export function createJudge({ components }: Document) {
  // Formats are annotations; what they promise is tested where it matters.
  const ajv = new Ajv({ strict: false, validateFormats: false })

  return ({ described }: Operation, { status, headers, text, body }: Answer): string | null => {
    const declared = described.responses[String(status)]
    if (!declared) return `${status} is not declared`
    const { content } = resolve(declared)
    if (!content) return text === '' ? null : `${status} has a body`
    const type = headers.get('content-type')?.split(';')[0] ?? ''
    const schema = content[type]?.schema
    if (!schema) return `${status} comes as ${type}`
    const isValid = ajv.compile({ ...schema, components })
    return isValid(body) ? null : `${status}: ${ajv.errorsText(isValid.errors)}`
  }

  function resolve({ $ref, ...inline }: Response & Reference): Response {
    return components.responses[$ref?.split('/').at(-1) ?? ''] ?? inline
  }
}
