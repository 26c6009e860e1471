import type { ErrorCode } from '../core/errors'
import { optionsOf, type Route, type RouteOptions } from '../http/route-options'
import type { Components } from './components'
import { exampleOf, isObject, mapValues, type Schema, schemasIn } from './json-schema'
import { responsesOf } from './response-objects'

type Paths = Record<string, Record<string, Schema>>
type Requirement = Record<string, string[]>

/** The paths of the document, by path template and method. See docs/workarounds.md#swagger-document. */
export function describePaths(routes: Route[], components: Components): Paths {
  const byPath = Map.groupBy(routes.filter(isDescribed), ({ path }) => templateOf(path))
  return mapValues(Object.fromEntries(byPath), (routes) =>
    Object.fromEntries(routes.map((route) => [route.method.toLowerCase(), operationOf(route, components)])),
  )
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const isDescribed = ({ method, hooks }: Route) => methods.includes(method) && hooks.detail?.hide !== true

/** The document has the path of `get('/')` under a prefix without its trailing slash. The route serves both. */
const templateOf = (path: string) => path.replace(/(?<=.)\/$/, '').replace(/:(\w+)/g, '{$1}')

function operationOf(route: Route, components: Components): Schema {
  const { body, params, query, response = {}, detail = {} } = route.hooks
  const { operationId, security = [], ...about } = detail
  const options = optionsOf(route)
  const added = [...guardFailures(security, options), ...limitFailures(options)]
  const parameters = [
    ...parametersOf('path', params, components),
    ...parametersOf('query', query, components),
  ]
  return {
    operationId,
    ...about,
    ...(options.isTokenEndpoint && { 'x-oauth': 'RFC 6749' }),
    ...(options.limit !== null && { 'x-rate-limit': options.limit }),
    security: security.flatMap(eitherToken),
    ...(options.roles.length > 0 && { 'x-roles': options.roles }),
    responses: responsesOf(response, added, components),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: bodyOf(body, options, components) }),
  }
}

/** Accepts `oauth2` wherever `bearer` is, because Swagger UI gets the same token from the token endpoint. */
const eitherToken = (requirement: Requirement): Requirement[] =>
  'bearer' in requirement ? [requirement, { oauth2: [] }] : [requirement]

/** The failures of the guard, by what the route requires. */
function guardFailures(security: Requirement[], { roles }: RouteOptions): ErrorCode[] {
  const isOpen = security.length === 0 || security.some((schemes) => Object.keys(schemes).length === 0)
  if (isOpen) return []
  return ['unauthenticated', 'invalid_token', ...(roles.length > 0 ? (['forbidden'] as const) : [])]
}

const limitFailures = ({ limit }: RouteOptions): ErrorCode[] => (limit === 'none' ? [] : ['rate_limited'])

function parametersOf(place: 'path' | 'query', { properties, required }: Schema = {}, { write }: Components) {
  if (!isObject(properties)) return []
  return Object.entries(schemasIn(properties)).map(([name, schema]) => {
    const { description, examples, type, ...rest } = schema
    return {
      description,
      in: place,
      name,
      required: Array.isArray(required) && required.includes(name),
      // A component keeps its description, because it is the same for all references.
      schema: write('title' in schema ? schema : { ...(type !== undefined && { type }), ...rest }),
      ...(Array.isArray(examples) && { example: examples[0] }),
    }
  })
}

/** A request without a body is read as `{}`, so a body is required when one of its fields is. */
function bodyOf(schema: Schema, { isTokenEndpoint }: RouteOptions, { write }: Components): Schema {
  const mediaType = isTokenEndpoint ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    required: schema['required'] !== undefined,
    content: { [mediaType]: { schema: write(schema), example: exampleOf(schema) } },
  }
}
