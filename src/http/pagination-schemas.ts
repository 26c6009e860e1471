import { type TSchema, Type } from '@sinclair/typebox'
import { uuidPattern } from '../core/crypto'
import { strict } from './schemas'

/** The id of anything. */
export const Id = Type.String({
  pattern: uuidPattern.source,
  description: 'UUIDv7',
  examples: ['0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
})

export const ById = Type.Object({ id: Id }, strict)
export type ById = typeof ById.static

// Text with one spelling for each number. See docs/workarounds.md#elysia-query-integer.
const Limit = Type.Transform(
  Type.Union(
    [
      Type.String({ format: 'integer', pattern: '^([1-9][0-9]?|100)$' }),
      Type.Integer({ minimum: 1, maximum: 100 }),
    ],
    { default: 20, description: 'Most items to answer.', examples: [20] },
  ),
)
  .Decode(Number)
  .Encode((limit) => limit)

/** Query parameters of every list. */
export const pageParameters = {
  // Decoding leaves a number in either case.
  limit: Type.Optional(Type.Unsafe<number>(Limit)),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
}

export const PageQuery = Type.Object(pageParameters, strict)
export type PageQuery = typeof PageQuery.static

/** A page of `item`s, newest first. */
export const PageOf = <T extends TSchema>(item: T, { title }: { title: string }) =>
  Type.Object(
    {
      items: Type.Array(item),
      next_cursor: Type.Union([Type.String(), Type.Null()], {
        description: 'For the next page; null on the last.',
        examples: [null],
      }),
    },
    { title, description: 'Part of a list, newest first.', ...strict },
  )
