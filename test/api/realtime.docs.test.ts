import { beforeAll, describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { createApp } from '../../src/app'
import * as limits from '../../src/modules/realtime/limits'
import { clientMessages, closeCodes, serverMessages } from '../../src/modules/realtime/messages'
import { useService } from '../support/service'

const service = useService()
let page: string
beforeAll(async () => {
  page = (await service.call('GET /docs/websocket')).text
})

const source = (name: string) => Bun.file(`${import.meta.dir}/../../src/modules/realtime/${name}.ts`).text()

/** The text of the first element, without markup. */
function textIn(html: string, element: string): string {
  const [, inner = ''] = new RegExp(`<${element}[^>]*>(.*?)</${element}>`, 's').exec(html) ?? []
  return unescaped(inner.replace(/<[^>]*>/g, ''))
}

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#x27': "'", amp: '&' }
const unescaped = (text: string) => text.replace(/&(#?\w+);/g, (whole, name) => entities[name] ?? whole)

/** The part of the page below the heading with this anchor, up to the next heading of its level or above. */
function at(id: string): string {
  const [, level = '', after = ''] = new RegExp(`<h(\\d) id="${id}">(.*)`, 's').exec(page) ?? []
  return after.split(new RegExp(`<h[1-${level}] `))[0] ?? ''
}

/** The cells of each row of the first table. */
const rowsIn = (html: string) =>
  [...(/<tbody>(.*?)<\/tbody>/s.exec(html)?.[1] ?? '').matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<td>(.*?)<\/td>/gs)].map(([cell]) => textIn(cell, 'td')),
  )

/** The fields of a schema as rows of name, type and meaning. */
function fieldsOf({ properties, required = [] }: Shape): string[][] {
  return Object.entries(properties ?? {}).map(([name, schema]) => [
    name,
    `${typeOf(schema)}${required.includes(name) ? '' : ', optional'}`,
    plain(schema.description ?? ''),
  ])
}

type Shape = {
  title?: string
  type?: string
  const?: unknown
  description?: string
  required?: string[]
  items?: Shape
  anyOf?: Shape[]
  properties?: Record<string, Shape>
}

/** The type of a field in a few words, or the title of its schema. */
function typeOf({ title, type = 'any', const: constant, items, properties, anyOf }: Shape): string {
  if (constant !== undefined) return JSON.stringify(constant)
  if (title !== undefined) return title
  if (items) return `list of ${typeOf(items)}`
  if (properties) return `{ ${Object.keys(properties).join(', ')} }`
  return anyOf ? anyOf.map(typeOf).join(' or ') : type
}

const plain = (text: string) => text.replaceAll('`', '')

// Internal limits, which clients do not notice.
const internalLimits = [
  ...['maxConcurrentTasks', 'maxWaitingTasks', 'maxTaskWaitMilliseconds', 'tickMilliseconds'],
  ...['recheckMilliseconds', 'heartbeatMilliseconds', 'deadAfterSeconds', 'maxInlineBytes'],
  'maxQueuedNotifications',
]

describe('GET /docs/websocket', () => {
  test.each([
    ['client', clientMessages],
    ['server', serverMessages],
  ])('describes every message of the %s with its fields and a valid example', (side, messages) => {
    for (const [type, schema] of Object.entries(messages)) {
      const entry = at(`${side}-${type.replace('.', '')}`)
      expect(rowsIn(entry).map(([field]) => field)).toEqual(Object.keys(schema.properties))
      expect(rowsIn(entry)).toEqual(fieldsOf(schema))
      expect(textIn(entry, 'p')).toBe(plain(schema.description ?? ''))
      const example = JSON.parse(textIn(entry, 'pre'))
      expect([...Value.Errors(schema, example)]).toEqual([])
      expect(example.type).toBe(type)
    }
  })

  test('gives name, type and meaning of each field, and says which are optional', () => {
    expect(rowsIn(at('client-subscribe'))).toEqual([
      ['type', '"subscribe"', ''],
      ['channel', 'string', 'user:<id>, room:<name>, admin or system.'],
      ['since', 'integer, optional', expect.stringMatching(/^The last offset/)],
      ['id', 'string or number, optional', expect.any(String)],
    ])
  })

  test('lists every kind of channel with its rights', async () => {
    const table = await source('channels')
    const kinds = [...table.matchAll(/^ {2}(\w+): \{ subscribe/gm)].map(([, kind = '']) => kind)
    const rows = rowsIn(at('channels-and-rights'))
    expect(rows.map(([channel = '']) => channel.split(':')[0])).toEqual(kinds)
    expect(rows).toEqual([
      ['room:<name>', 'everyone', 'everyone', 'everyone', 'yes'],
      ['user:<id>', 'that user, admins', 'that user, admins', 'that user, admins', 'yes'],
      ['admin', 'admins', 'admins', 'admins', 'no'],
      ['system', 'everyone', 'admins', 'nobody', 'no'],
    ])
  })

  test('lists every close code with reason, meaning and what to do', () => {
    const rows = rowsIn(at('close-codes'))
    const known = Object.entries(closeCodes).map(([reason, { code }]) => [`${code}`, reason])
    expect(rows.map((row) => row.slice(0, 2))).toEqual(known)
    expect(rows.map(([, , meaning]) => meaning)).toEqual(
      Object.values(closeCodes).map(({ meaning }) => plain(meaning)),
    )
    expect(rows.flat().filter((cell) => cell === '')).toEqual([])
  })

  test('lists the limits with their names and values', () => {
    const rows = rowsIn(at('limits'))
    const values = new Map(Object.entries(limits))
    expect(rows.length).toBeGreaterThan(10)
    const documented = rows.map(([name = '']) => name)
    expect([...documented, ...internalLimits].toSorted()).toEqual([...values.keys()].toSorted())
    expect(rows.map(([name = '', value]) => [name, value])).toEqual(
      rows.map(([name = '']) => [name, `${values.get(name)}`]),
    )
  })

  test('links error codes to their explanation', async () => {
    const { text } = await service.call('GET /docs/errors')
    const codes = [...page.matchAll(/href="\/docs\/errors#(\w+)"/g)].map(([, code = '']) => code)
    expect(codes.length).toBeGreaterThan(5)
    expect(codes.filter((code) => !text.includes(`id="${code}"`))).toEqual([])
  })

  test('has no broken links', async () => {
    const links = [...page.matchAll(/href="([^"#]*)(?:#([^"]*))?"/g)]
    const inner = links.flatMap(([, path, id]) => (path === '' ? [id] : []))
    expect(inner.filter((id) => !page.includes(`id="${id}"`))).toEqual([])
    const paths = new Set(links.flatMap(([, path]) => path || []))
    for (const path of paths) expect([path, (await service.call(`GET ${path}`)).status]).toEqual([path, 200])
  })
})

describe('the pages of the protocol', () => {
  test('run only scripts of this service, and the first page runs none', async () => {
    const policies = await Promise.all(
      ['/docs/websocket', '/docs/websocket/console'].map(async (path) => {
        const { headers } = await service.call(`GET ${path}`)
        return headers.get('content-security-policy')
      }),
    )
    const always =
      "img-src 'self'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    expect(policies).toEqual([
      `default-src 'none'; ${always}`,
      `default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; ${always}`,
    ])
    expect(page).not.toContain('<script')
  })

  test.each(['/docs/websocket', '/docs/websocket/console'])(
    '%s loads only files of this service, and all of them exist',
    async (path) => {
      const { text } = await service.call(`GET ${path}`)
      const loaded = [...text.matchAll(/<(?:link|script|img)[^>]* (?:src|href)="([^"]*)"/g)].map(
        ([, address = '']) => address,
      )
      expect(loaded.length).toBeGreaterThan(2)
      for (const address of loaded) {
        expect(address).toMatch(/^\/docs\/assets\/[\w.-]+$/)
        const { status, headers, text } = await service.call(`GET ${address}`)
        expect([address, status]).toEqual([address, 200])
        const type = { css: 'text/css', js: 'text/javascript', png: 'image/png' }[address.split('.')[1] ?? '']
        expect(headers.get('content-type')).toStartWith(String(type))
        expect(text).not.toMatch(/https?:\/\/|@import/)
      }
      expect(text).not.toMatch(/<script>|<style|style=|\son\w+=|https?:\/\//)
    },
  )

  test('are linked from the API document', async () => {
    const { body } = await service.call('GET /docs/openapi.json')
    const { description } = body.paths['/api/v1/ws'].get
    const { description: section } = body.tags.find(({ name }: { name: string }) => name === 'realtime')
    for (const text of [description, section]) {
      expect(text).toContain('(/docs/websocket)')
      expect(text).toContain('(/docs/websocket/console)')
    }
    expect(Object.keys(body.paths).filter((path) => path.startsWith('/docs'))).toEqual([])
  })

  test.each([
    '/docs/websocket',
    '/docs/websocket/console',
    '/docs/assets/console.js',
    '/docs/assets/console.css',
  ])('with DOCS=off %s is 404', async (path) => {
    const app = createApp({
      ...service,
      deps: { ...service.deps, config: { ...service.deps.config, hasDocs: false } },
    })
    expect((await app.handle(new Request(`http://localhost${path}`))).status).toBe(404)
  })
})

describe('the README', () => {
  const readme = Bun.file(`${import.meta.dir}/../../README.md`)
  const section = async () =>
    (await readme.text()).split(/^## /m).find((part) => part.startsWith('WebSocket')) ?? ''

  test('has the same limits, values and meanings as the page', async () => {
    const rows = (await section()).matchAll(/^\| `(\w+)` +\| (\d+) +\| (.*?) +\|$/gm)
    const written = [...rows].map(([, name, value, meaning = '']) => [
      name,
      value,
      meaning.replaceAll('`', ''),
    ])
    expect(written).toEqual(rowsIn(at('limits')))
  })

  test('shows the same client as the page', async () => {
    const [, code = ''] = /^```js\n(.*?)\n```$/ms.exec(await section()) ?? []
    expect(code).toBe(textIn(at('a-client-in-a-few-lines'), 'pre').trimEnd())
  })
})

test('the meaning of a close code names the current limit', () => {
  expect(closeCodes.frameTooBig.meaning).toContain(`${limits.maxFrameBytes / 1024} KiB`)
  expect(closeCodes.badMessages.meaning).toStartWith(limits.maxErrors === 10 ? 'Ten' : `${limits.maxErrors}`)
  expect(closeCodes.authTimeout.meaning).toContain(`${limits.authSeconds} seconds`)
  expect(closeCodes.tooManySockets.meaning).toContain(`${limits.maxSocketsPerUser} open sockets`)
  expect(closeCodes.tooManyMessages.meaning).toContain(`${limits.messagesPerSecond} messages a second`)
  expect(closeCodes.tooManyMessages.meaning).toContain(`${limits.messageBurst} at once`)
})
