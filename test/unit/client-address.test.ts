import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createPeerFinder } from '../../src/http/client-address'
import { assertProperty } from '../support/random'

const read = createPeerFinder(['10.0.0.0/8', '2001:db8::/32'])
const readFrom = (socket: string | null, forwarded: string, others: Record<string, string> = {}) =>
  read(socket, new Headers({ 'x-forwarded-for': forwarded, ...others }))

const trusted = fc.oneof(
  fc.ipV4().map((ip) => ip.replace(/^\d+/, '10')),
  fc.ipV4().map((ip) => `::ffff:${ip.replace(/^\d+/, '10')}`),
  fc.nat(0xffff).map((last) => `2001:db8::${last.toString(16)}`),
)
const untrusted = fc.ipV4().filter((ip) => !ip.startsWith('10.'))
const noAddress = fc.string().filter((text) => !/[\d:,]/.test(text))

describe('address reader', () => {
  test('ignores the headers of an untrusted socket', () => {
    assertProperty(
      fc.property(untrusted, fc.string({ unit: 'binary-ascii' }), (socket, forwarded) => {
        const headers = new Headers()
        // Some characters are not allowed in a header.
        try {
          headers.set('x-forwarded-for', forwarded)
        } catch {
          return
        }
        headers.set('x-forwarded-proto', 'https')
        expect(read(socket, headers)).toEqual({ ip: socket, isTls: false })
      }),
    )
  })

  test('ignores everything left of an untrusted hop', () => {
    const left = fc.array(
      fc.oneof(
        trusted,
        untrusted,
        noAddress.filter((text) => /^[ -~]*$/.test(text)),
      ),
    )
    assertProperty(
      fc.property(left, untrusted, fc.array(trusted), (claims, client, proxies) => {
        const { ip } = readFrom('10.0.0.1', [...claims, client, ...proxies].join(', '))
        expect(ip).toBe(client)
      }),
    )
  })

  test('stops at text that is not an address, and returns the last hop that it could verify', () => {
    assertProperty(
      fc.property(
        fc.ipV4(),
        noAddress.filter((text) => /^[ -~]*$/.test(text)),
        (claim, garbage) => {
          expect(readFrom('10.0.0.1', `${claim}, ${garbage}, 10.0.0.2`).ip).toBe('10.0.0.2')
        },
      ),
    )
  })

  test.each([
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '::FFFF:CB00:7109', '203.0.113.9'],
    ['2001:db8::1', '2001:0DB9:0000::0009', '2001:db9::9'],
    ['::ffff:203.0.113.1', '198.51.100.1', '203.0.113.1'],
    ['10.0.0.1', '', '10.0.0.1'],
  ])('from %s with "%s" it reads %s', (socket, forwarded, ip) => {
    expect(readFrom(socket, forwarded).ip).toBe(ip)
  })

  test.each([
    ['203.0.113.9:4711', '203.0.113.9'],
    ['203.0.113.9:65535', '203.0.113.9'],
    ['[2001:db9::5]:443', '2001:db9::5'],
    ['[2001:DB9:0::5]', '2001:db9::5'],
    ['[::ffff:203.0.113.9]:443', '203.0.113.9'],
    ['2001:db9::5:443', '2001:db9::5:443'],
    ['::1', '::1'],
    ['198.51.100.1, 203.0.113.9:4711, 10.0.0.3:80, [2001:db8::5]:443', '203.0.113.9'],
    ['10.0.0.3:80, [2001:db8::5]:443', '10.0.0.3'],
  ])('removes the port of "%s": %s', (forwarded, ip) => {
    expect(readFrom('10.0.0.1', forwarded).ip).toBe(ip)
  })

  test.each([
    ...['203.0.113.9:', '203.0.113.9:0', '203.0.113.9:65536', '203.0.113.9:080', '203.0.113.9:http'],
    ...['203.0.113.9:80:80', '203.0.113.9 :80', '203.0.113.256:80', '203.0.113:80', '12:80', ':80', '[]:80'],
    ...['[2001:db9::5]:', '[2001:db9::5]:0', '[2001:db9::5]:65536', '[2001:db9::5]443', '[2001:db9::5'],
    ...['2001:db9::5]:443', '[[2001:db9::5]]:443', '[2001:db9::5]:443x', '[203.0.113.9]:80', '[::g]:80'],
    ...['::ffff:203.0.113.9:80', 'example.com:80', '[2001:db9::5%eth0]:443'],
  ])('"%s" is not an address with a port', (forwarded) => {
    expect(readFrom('10.0.0.1', `198.51.100.1, ${forwarded}`).ip).toBe('10.0.0.1')
  })

  test('a socket without an address has none, with any header', () => {
    expect(readFrom(null, '203.0.113.9', { 'x-forwarded-proto': 'https' })).toEqual({
      ip: null,
      isTls: false,
    })
  })

  test('IPv4 and IPv6 ranges do not match across', () => {
    const all4 = createPeerFinder(['0.0.0.0/0'])
    expect(all4('2001:db9::1', new Headers({ 'x-forwarded-for': '203.0.113.9' })).ip).toBe('2001:db9::1')
    const all6 = createPeerFinder(['::/0'])
    expect(all6('203.0.113.1', new Headers({ 'x-forwarded-for': '203.0.113.9' })).ip).toBe('203.0.113.1')
  })
})
