import { swagger } from '@elysiajs/swagger'
import { type AnyElysia, Elysia } from 'elysia'
import type { ErrorCode } from '../core/errors'
import { limitOf } from '../http/rate-limit'
import { asksRole } from '../http/role-extension'
import { isOAuth } from '../http/token-endpoint'
import type { Components } from './components'
import { exampleOf, mapValues, type Schema } from './json-schema'
import { responsesOf } from './response-objects'

export type Route = AnyElysia['routes'][number]
type Paths = Record<string, Record<string, Operation>>
type Operation = Schema & {
  parameters?: Parameter[]
  requestBody?: Body
}
type Body = { required: boolean; content: Record<string, { schema: Schema; example?: unknown }> }
type Parameter = Schema & { schema: Schema; examples?: unknown }
type Requirement = Record<string, string[]>

/** The paths of the document: what @elysiajs/swagger makes of the routes, corrected. */
export async function describePaths(routes: Route[], components: Components): Promise<Paths> {
  const paths = await generate(routes.filter(isDescribed), components)
  return mapValues(paths, (operations) =>
    mapValues(operations, (operation) => correct(operation, components)),
  )
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const isDescribed = ({ method, hooks }: Route) => methods.includes(method) && hooks.detail?.hide !== true

/** The generator describes the application that it is part of: it is given one with shapes and no handlers. */
async function generate(routes: Route[], components: Components): Promise<Paths> {
  const path = '/docs'
  const specPath = `${path}/openapi.json`
  const app = new Elysia().use(swagger({ path, specPath, excludeStaticFile: false }))
  for (const route of routes) {
    // `get('/')` under a prefix answers with and without the slash; the document has the one that people write.
    const path = route.path.replace(/(?<=.)\/$/, '')
    app.route(route.method, path, () => null, shapeOf(route, components))
  }
  const answer = await app.handle(new Request(`http://localhost${specPath}`))
  const { paths }: { paths: Paths } = JSON.parse(await answer.text())
  return paths
}

/**
 * Left to itself the generator offers each body and answer in three media types, none of them problem+json, and drops
 * `additionalProperties`. So the parser is named, and the answers are written here.
 */
function shapeOf({ hooks }: Route, components: Components) {
  const { body, params, query, response = {}, detail } = hooks
  const security: Requirement[] = detail?.security ?? []
  const limited: ErrorCode[] = limitOf(detail) === 'none' ? [] : ['rate_limited']
  const responses = responsesOf(
    response,
    [...guardFailures(security, asksRole(detail)), ...limited],
    components,
  )
  const parse = isOAuth(detail) ? ('urlencoded' as const) : ('json' as const)
  return {
    body,
    params,
    query,
    parse,
    detail: { ...detail, security: security.flatMap(eitherToken), responses },
  }
}

/** A bearer token is the same token when Swagger UI has fetched it from the token endpoint. */
const eitherToken = (requirement: Requirement): Requirement[] =>
  'bearer' in requirement ? [requirement, { oauth2: [] }] : [requirement]

/** What the guard answers, by what the route asks of its caller. */
function guardFailures(security: Requirement[], isRoleAsked: boolean): ErrorCode[] {
  const isOpen = security.length === 0 || security.some((schemes) => Object.keys(schemes).length === 0)
  if (isOpen) return []
  return ['unauthenticated', 'invalid_token', ...(isRoleAsked ? (['forbidden'] as const) : [])]
}

function correct(
  { parameters = [], requestBody, ...operation }: Operation,
  components: Components,
): Operation {
  return {
    ...operation,
    ...(parameters.length > 0 && {
      parameters: parameters.map((given) => correctParameter(given, components)),
    }),
    ...(requestBody && { requestBody: correctBody(requestBody, components) }),
  }
}

/**
 * The examples of a schema are a list, those of a parameter are not. The generator moves them and the description out of
 * the schema; one with a name keeps its description too, for it is the same wherever it stands.
 */
function correctParameter({ schema, examples, ...parameter }: Parameter, { write }: Components): Parameter {
  const [example] = Array.isArray(examples) ? examples : []
  const { description } = parameter
  const whole = 'title' in schema ? { ...schema, description } : schema
  return { ...parameter, schema: write(whole), ...(example !== undefined && { example }) }
}

/** No body reads as `{}`, so a body is required when one of its fields is. */
function correctBody({ content }: Body, { write }: Components): Body {
  return {
    required: Object.values(content).some(({ schema }) => schema['required'] !== undefined),
    content: mapValues(content, ({ schema }) => ({ schema: write(schema), example: exampleOf(schema) })),
  }
}
