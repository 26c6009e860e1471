import { describe, expect, test } from 'bun:test'
import { type Service, useService } from '../support/service'

const direct = useService()
const proxied = useService({ TRUSTED_PROXIES: '127.0.0.1/32, 10.0.0.0/8, 2001:db8::/32' })

/** The address that a login from behind `forwarded` leaves in its session. */
async function addressOf(service: Service, headers: Record<string, string>) {
  const { id, email, password } = await service.register()
  const { status } = await service.call('POST /api/v1/auth/login', { body: { email, password }, headers })
  expect(status).toBe(200)
  const [row] = await service.sql`select ip from sessions where user_id = ${id}`
  return row?.['ip']
}

describe('client address', () => {
  test.each(['203.0.113.9', '127.0.0.1, 203.0.113.9', '::1'])(
    'without trusted proxies %s is not believed',
    async (given) => {
      const headers = { 'x-forwarded-for': given, forwarded: `for=${given}`, 'x-real-ip': given }
      expect(await addressOf(direct, headers)).toBe('127.0.0.1')
    },
  )

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9, 10.1.2.3, 2001:db8::7', '203.0.113.9'],
    ['10.9.9.9, 203.0.113.9 ,10.1.2.3', '203.0.113.9'],
    ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['2001:DB9:0:0::9', '2001:db9::9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, ::ffff:10.1.2.3', '203.0.113.9'],
    ['203.0.113.9, nonsense', '127.0.0.1'],
    ['203.0.113.9, nonsense, 10.1.2.3', '10.1.2.3'],
    ['203.0.113.9,', '127.0.0.1'],
    ['203.0.113.9, 10.0.0.256', '127.0.0.1'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:db9::5]:443, 10.1.2.3:80', '2001:db9::5'],
    ['203.0.113.9:65536', '127.0.0.1'],
    ["'; drop table sessions; --", '127.0.0.1'],
    ['', '127.0.0.1'],
  ])('behind trusted proxies "%s" means %s', async (given, ip) => {
    expect(await addressOf(proxied, { 'x-forwarded-for': given })).toBe(ip)
  })

  test('no other header is looked at', async () => {
    const headers = {
      forwarded: 'for=203.0.113.9',
      'x-real-ip': '203.0.113.9',
      'cf-connecting-ip': '203.0.113.9',
    }
    expect(await addressOf(proxied, headers)).toBe('127.0.0.1')
  })
})
