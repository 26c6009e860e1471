import { STATUS_CODES } from 'node:http'
import { type ErrorCode, errorCodes } from '../core/errors'
import { catalogue } from '../http/error-catalogue'
import { exampleProblem, Problem } from '../http/schemas'
import type { Components } from './components'
import { failureHeaders, headersOf } from './header-objects'
import { exampleOf, type Schema } from './json-schema'

type Responses = Record<string, Schema>

/** The responses of a route by status: those of its `response` option, and failures that plugins add. */
export function responsesOf(response: Responses, added: ErrorCode[], components: Components): Responses {
  const successes = Object.entries(response).filter(([, schema]) => !isProblem(schema))
  const given = new Set([...added, ...Object.values(response).filter(isProblem).flatMap(codesOf)])
  // In the order of the catalogue, so that the same codes always make the same component.
  const codes = errorCodes.filter((code) => given.has(code))
  const failures = Map.groupBy(codes, (code) => catalogue[code].status)
  return {
    ...Object.fromEntries(
      [...failures].map(([status, codes]) => [status, failure(status, codes, components)]),
    ),
    ...Object.fromEntries(successes.map(([status, schema]) => [status, success(status, schema, components)])),
  }
}

function success(status: string, schema: Schema, components: Components): Schema {
  const { description = STATUS_CODES[status], type } = schema
  const names = isCreated(status, schema) ? ['Location' as const] : failureHeaders[Number(status)]
  const headers = headersOf(names ?? [], components)
  if (type === 'void') return { description, headers }
  const json = { schema: components.write(schema), example: exampleOf(schema) }
  return { description, headers, content: { 'application/json': json } }
}

/** The failures of one status. Few combinations exist, so each one is a component. */
function failure(status: number, codes: ErrorCode[], components: Components): Schema {
  const { add, write } = components
  const example = (code: ErrorCode) =>
    add('examples', code, { summary: catalogue[code].title, value: exampleProblem(code) })
  const examples = Object.fromEntries(codes.map((code) => [code, example(code)]))
  return add('responses', codes.join('.'), {
    description: codes.map((code) => `\`${code}\`: ${catalogue[code].meaning}`).join('\n\n'),
    headers: headersOf(failureHeaders[status] ?? [], components),
    content: { 'application/problem+json': { schema: write(Problem), examples } },
  })
}

/** A new resource with an id has a `Location`: see `created`. */
const isCreated = (status: string, { properties }: Schema) =>
  status === '201' && typeof properties === 'object' && properties !== null && 'id' in properties

const isProblem = (schema: Schema) => schema['title'] === Problem.title

/** The codes whose examples `failures()` put into the schema. */
const codesOf = ({ examples }: Schema): ErrorCode[] =>
  errorCodes.filter((code) => Array.isArray(examples) && examples.some((example) => example.code === code))
