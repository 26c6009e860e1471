import { expect, test } from 'bun:test'
import { Type } from '@sinclair/typebox'
import { type AnyElysia, Elysia, t } from 'elysia'
import { setRouteOptions } from '../../src/http/route-options'
import { failures } from '../../src/http/schemas'
import { oauthOption } from '../../src/http/token-endpoint'
import { describeApi } from '../../src/openapi/document'

const Note = Type.Object(
  {
    id: Type.String({ examples: ['n1'] }),
    text: Type.Union([Type.String(), Type.Null()], { examples: ['hi'] }),
  },
  { title: 'Note' },
)
const Kind = Type.Union([Type.Literal('plain'), Type.Literal('rich')])
const detail = { operationId: 'op', summary: 'Does it', description: 'At length.' }
const handler = () => new Response()

const describeRoutes = async (app: AnyElysia) =>
  JSON.parse(await describeApi({ routes: app.routes, sections: { notes: 'Notes.' }, publicUrl: null }))

const notes = () => new Elysia({ prefix: '/notes', tags: ['notes'] })

test('a list with parameters in path and query', async () => {
  const app = notes().get('/:kind', handler, {
    params: Type.Object({ kind: Kind }),
    query: Type.Object({ limit: t.Optional(t.Integer({ examples: [20] })), all: t.Optional(t.Boolean()) }),
    response: { 200: Type.Object({ items: Type.Array(Note) }), ...failures('not_found') },
    detail,
  })
  const document = await describeRoutes(app)
  const { parameters, responses, security } = document.paths['/notes/{kind}'].get
  expect(parameters).toEqual([
    expect.objectContaining({
      in: 'path',
      name: 'kind',
      required: true,
      schema: { type: 'string', enum: ['plain', 'rich'] },
    }),
    expect.objectContaining({
      in: 'query',
      name: 'limit',
      required: false,
      schema: expect.objectContaining({ type: 'integer' }),
    }),
    expect.objectContaining({
      in: 'query',
      name: 'all',
      schema: expect.objectContaining({ type: 'boolean' }),
    }),
  ])
  expect(responses['200'].content['application/json']).toMatchObject({
    schema: { properties: { items: { items: { $ref: '#/components/schemas/Note' } } } },
    example: { items: [{ id: 'n1', text: 'hi' }] },
  })
  expect(document.components.schemas.Note.properties.text.type).toEqual(['string', 'null'])
  expect(security).toEqual([])
})

test('a route with a role has 401 and 403, and a 201 has Location', async () => {
  const app = notes()
    .macro('role', (role: string) => setRouteOptions({ roles: [role] }))
    .post('/', handler, {
      role: 'admin',
      body: Note,
      response: { 201: Note },
      detail: { ...detail, security: [{ bearer: [] }] },
    })
  const { responses, requestBody } = (await describeRoutes(app)).paths['/notes'].post
  expect(Object.keys(responses)).toEqual(['201', '401', '403', '429'])
  expect(Object.keys(responses['201'].headers)).toEqual(['X-Request-Id', 'Location'])
  expect(requestBody).toEqual({
    required: true,
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Note' },
        example: { id: 'n1', text: 'hi' },
      },
    },
  })
})

test('an OAuth route has a form body', async () => {
  const app = notes()
    .use(oauthOption())
    .post('/form', handler, { oauth: true, body: Note, response: { 200: Note }, detail })
  const { requestBody } = (await describeRoutes(app)).paths['/notes/form'].post
  expect(Object.keys(requestBody.content)).toEqual(['application/x-www-form-urlencoded'])
})

test('two schemas under one name are an error', async () => {
  const Other = Type.Object({ other: Type.String() }, { title: 'Note' })
  const app = notes().post('/', handler, { body: Other, response: { 200: Note }, detail })
  await expect(describeRoutes(app)).rejects.toThrow('two schemas are named Note')
})

test('a hidden route is left out', async () => {
  const app = notes().get('/secret', handler, { detail: { hide: true } })
  expect((await describeRoutes(app)).paths).toEqual({})
})
