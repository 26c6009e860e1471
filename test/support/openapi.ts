import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ruleset, Spectral } from '@stoplight/spectral-core'
import { oas } from '@stoplight/spectral-rulesets'
import Ajv2020 from 'ajv/dist/2020'
import type { Answer } from './client'

type TokenSubject<T> = Record<string, T>
type Content = TokenSubject<{ schema: object; example?: unknown }>
type Response = { description: string; headers: TokenSubject<unknown>; content?: Content }
export type Operation = {
  operationId?: string
  summary?: string
  description?: string
  security?: TokenSubject<string[]>[]
  requestBody?: { content: Content }
  responses: TokenSubject<Response | { $ref: string }>
  'x-roles'?: string[]
}
export type Document = {
  servers: { url: string }[]
  paths: TokenSubject<TokenSubject<Operation>>
  components: TokenSubject<TokenSubject<unknown>> & { responses: TokenSubject<Response> }
}

/** The findings of both linters with all their rules but the ones listed here. */
export async function lint(text: string): Promise<string[]> {
  const found = [...(await spectral(text)), ...(await redocly(text))]
  return found.filter((finding) => !handshake.test(finding))
}

// A WebSocket handshake succeeds with 101, which both linters do not count as success.
const handshake = /operation-(success|2xx)-response \S*api.{1,2}v1.{1,2}ws\b/

async function spectral(text: string) {
  const linter = new Spectral()
  const ruleset = new Ruleset({
    extends: [[oas, 'all']],
    rules: {
      // A starter kit has no contact address.
      'contact-properties': 'off',
      // OpenAPI 3.1 allows an SPDX identifier instead of the URL, not both.
      'license-url': 'off',
      // The tags are in the order of the page, not in that of the alphabet.
      'openapi-tags-alphabetical': 'off',
    },
  })
  linter.setRuleset(ruleset)
  const found = await linter.run(JSON.parse(text))
  return found.map(({ code, path, message }) => `spectral ${code} ${path.join('.')}: ${message}`)
}

async function redocly(source: string) {
  const config = await createConfig({ extends: ['recommended-strict'] })
  const found = await lintFromString({ source, config })
  return found.map(({ ruleId, location, message }) => `redocly ${ruleId} ${location[0]?.pointer}: ${message}`)
}

/** The differences between a response and the document of its operation. */
export function misfits({ paths, components }: Document, operation: string, answer: Answer): string[] {
  const [method = '', path = ''] = operation.split(' ')
  const named = paths[path]?.[method.toLowerCase()]?.responses[answer.status]
  if (!named) return [`${operation} may not answer ${answer.status}`]
  const { headers, content = {} } = '$ref' in named ? referred(components.responses, named.$ref) : named
  const missing = Object.keys(headers).filter((name) => !answer.headers.has(name))
  return [...missing.map((name) => `no ${name}`), ...misfitsOfBody(content, components, answer)]
}

function misfitsOfBody(content: Content, components: object, answer: Answer) {
  const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? ''
  if (Object.keys(content).length === 0) return answer.text === '' ? [] : ['a body']
  const schema = content[mediaType]?.schema
  if (!schema) return [`${mediaType} and not ${Object.keys(content)}`]
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  const isFit = ajv.compile({ ...schema, components })
  return isFit(answer.body)
    ? []
    : (isFit.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

function referred<T>(parts: TokenSubject<T>, reference: string): T {
  const part = parts[reference.split('/').at(-1) ?? '']
  if (!part) throw new Error(`${reference} leads nowhere`)
  return part
}
