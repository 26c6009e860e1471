import type { Document } from './openapi'

/** An operation of the OpenAPI document. `roles` is `null` for a public one and empty for any account. */
export type Door = ReturnType<typeof doorsIn>[number]

type Media = { example?: unknown }

/** The operations of the document with their access rules. */
export function doorsIn({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security = [], requestBody, 'x-roles': roleNames }]) => {
      const isOptional = security.some((schemes) => Object.keys(schemes).length === 0)
      const isGuarded = security.some((schemes) => 'bearer' in schemes)
      const roles = isGuarded ? (roleNames ?? []) : null
      const [[type, media] = ['', {}]] = Object.entries<Media>(requestBody?.content ?? {})
      return { name: `${method.toUpperCase()} ${path}`, roles, isOptional, type, example: media.example }
    }),
  )
}
