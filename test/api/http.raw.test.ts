import { describe, expect, test } from 'bun:test'
import { sendRaw } from '../support/raw'
import { useService } from '../support/service'

const service = useService()

const send = (...lines: string[]) => sendRaw(service.url, [...lines, '', ''].join('\r\n'))
const close = 'Connection: close'
const json = 'Content-Type: application/json'
const login = 'POST /api/v1/auth/login HTTP/1.1'

describe('a malformed request', () => {
  test.each<[string, string[]]>([
    ['no request line', ['nonsense']],
    ['no version', ['GET /livez', 'Host: a', close]],
    ['an unknown HTTP version', ['GET /livez HTTP/9.9', 'Host: a', close]],
    ['no Host', ['GET /livez HTTP/1.1', close]],
    ['a header without a colon', ['GET /livez HTTP/1.1', 'Host: a', 'nonsense', close]],
    ['a space before the colon', ['GET /livez HTTP/1.1', 'Host: a', 'X-A : b', close]],
    ['two lengths', [login, 'Host: a', json, 'Content-Length: 2', 'Content-Length: 3', close, '', '{}']],
    ['a negative length', [login, 'Host: a', json, 'Content-Length: -1', close, '', '{}']],
    ['a length in words', [login, 'Host: a', json, 'Content-Length: two', close, '', '{}']],
    ['a chunk size in words', [login, 'Host: a', json, 'Transfer-Encoding: chunked', close, '', 'zz', '{}']],
    ['TLS', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']],
    ['HTTP/2', ['PRI * HTTP/2.0', '', 'SM', '']],
    ['an unknown method', ['NONSENSE /livez HTTP/1.1', 'Host: a', close]],
  ])('with %s is refused or gets no response', async (_, lines) => {
    const answer = await send(...lines)
    expect(answer).toMatch(/^$|^HTTP\/1\.1 [45]\d\d /)
    expect(answer).not.toMatch(/Bun|stack|node_modules/)
    expect((await service.call('GET /livez')).status).toBe(200)
  })

  test('with more than 16 KiB of headers is refused', async () => {
    const answer = await send('GET /livez HTTP/1.1', 'Host: a', `X-A: ${'a'.repeat(17_000)}`, close)
    expect(answer).toStartWith('HTTP/1.1 431 ')
  })

  test('cannot smuggle a second request in its body', async () => {
    const hidden = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    const both = ['Content-Length: 4', 'Transfer-Encoding: chunked']
    const answer = await send(login, 'Host: a', json, ...both, close, '', '0', '', hidden)
    expect(answer.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1)
    const counted = await send(login, 'Host: a', json, `Content-Length: ${hidden.length}`, close, '', hidden)
    expect(counted).toStartWith('HTTP/1.1 400 ')
    expect(counted.match(/HTTP\/1\.1 4/g)).toHaveLength(1)
  })

  test.each(['', '[', 'a b'])('with host %p gets the same routes', async (host) => {
    const statusOf = async (path: string) =>
      Number((await send(`GET ${path} HTTP/1.1`, `Host: ${host}`, close)).split(' ')[1])
    expect(await statusOf('/api/v1/users/me')).toBe(401)
    expect(await statusOf(`/api/v1/users/${crypto.randomUUID()}?a=b`)).toBe(401)
    expect(await statusOf('/aaaaaa/api/v1/users/me')).toBe(404)
  })

  test('with an unfinished body delays no other request', async () => {
    const stuck = sendRaw(service.url, `${login}\r\nHost: a\r\n${json}\r\nContent-Length: 50\r\n\r\n{"em`)
    const others = await Promise.all(Array.from({ length: 5 }, () => service.call('GET /readyz')))
    expect(others.map(({ status }) => status)).toEqual(Array(5).fill(200))
    // It ends when the service stops: the idle timeout would take ten seconds.
    void stuck
  })
})

describe('an unusual but valid request', () => {
  test.each<[string, string[]]>([
    ['a host of three letters', ['GET /livez HTTP/1.1', 'Host: api', close]],
    ['a host of one letter', ['GET /livez HTTP/1.1', 'Host: a', close]],
    ['a host that is an IPv6 address', ['GET /livez HTTP/1.1', 'Host: [::1]:3000', close]],
    [
      'an absolute URL in the request line',
      ['GET http://elsewhere.example/livez HTTP/1.1', 'Host: a', close],
    ],
    ['HTTP/1.0', ['GET /livez HTTP/1.0']],
    ['an empty host', ['GET /livez HTTP/1.1', 'Host:', close]],
    ['an invalid host', ['GET /livez HTTP/1.1', 'Host: [', close]],
    [
      'a body that GET does not need',
      ['GET /livez HTTP/1.1', 'Host: a', 'Content-Length: 3', close, '', 'abc'],
    ],
  ])('with %s gets 200', async (_, lines) => {
    expect(await send(...lines)).toMatch(/^HTTP\/1\.1 200 .*\{"status":"ok"\}$/s)
  })

  test('with an Upgrade header on a plain route gets its normal response', async () => {
    const upgrade = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ]
    const request = ['GET /livez HTTP/1.1', 'Host: a', ...upgrade, '', ''].join('\r\n')
    const answer = await sendRaw(service.url, request, (text) => text.endsWith('}'))
    expect(answer).toStartWith('HTTP/1.1 200 ')
  })

  test('pipelined with another gets its response in order', async () => {
    const first = 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'
    const answer = await send(`${first}GET /nowhere HTTP/1.1`, 'Host: a', close)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404'])
  })

  test('never gets its Host header back', async () => {
    const answer = await send(
      'GET /nowhere HTTP/1.1',
      'Host: evil.example',
      'X-Forwarded-Host: evil.example',
      close,
    )
    expect(answer).not.toContain('evil')
  })
})
