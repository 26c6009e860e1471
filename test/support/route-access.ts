import type { Document } from './openapi'

/** One operation of the OpenAPI document; `roles` is `null` for an open door and empty for any account. */
export type Door = ReturnType<typeof doorsIn>[number]

type Media = { example?: unknown }

/** Every operation that the document describes, and what it says of who may come in. */
export function doorsIn({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security = [], requestBody, 'x-roles': asked }]) => {
      const isOptional = security.some((schemes) => Object.keys(schemes).length === 0)
      const isGuarded = security.some((schemes) => 'bearer' in schemes)
      const roles = isGuarded ? (asked ?? []) : null
      const [[type, media] = ['', {}]] = Object.entries<Media>(requestBody?.content ?? {})
      return { name: `${method.toUpperCase()} ${path}`, roles, isOptional, type, example: media.example }
    }),
  )
}
