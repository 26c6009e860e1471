import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { maxFrameBytes } from '../../src/modules/realtime/limits'
import { closing, frameOf, openRawSocket, type RawSocket } from '../support/frames'
import { randomInteger } from '../support/random'
import { type Service, startTestService } from '../support/service'
import { enterWithSocket } from '../support/socket'

// RFC 6455 §7.4.1: 1002 for a breach of the protocol, 1007 for text that is not UTF-8, 1009 for too much.

let service: Service
let token: string
let witness: Awaited<ReturnType<typeof enterWithSocket>>
beforeAll(async () => {
  service = await startTestService()
  token = (await service.enter()).access_token
  witness = await enterWithSocket(service)
})
afterAll(async () => {
  await witness.close()
  await service.stop()
})

// Whatever one socket does, the others live, a new one opens, and nothing of the old one stays.
afterEach(async () => {
  service.clock.advance(1)
  expect(await witness.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
  for (let look = 0; look < 200 && service.hub.connections.size > 1; look++) await Bun.sleep(10)
  expect(service.hub.connections.size).toBe(1)
})

const ping = JSON.stringify({ type: 'ping', id: 'x' })
const notUtf8 = {
  'a broken sequence': [0x22, 0xc3, 0x28, 0x22],
  'an overlong form': [0xc0, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a code point that does not exist': [0xf4, 0x90, 0x80, 0x80],
  'a sequence that is cut off': [0x22, 0xe2, 0x82],
}

const open = (headers?: Record<string, string>) => openRawSocket(service.url, token, headers)

async function endAfter(...parts: Uint8Array[]): Promise<{ code: number; raw: RawSocket }> {
  const raw = await open()
  raw.write(...parts)
  const code = await raw.ended()
  await raw.over()
  return { code, raw }
}

async function expectEnd(code: number, ...parts: Uint8Array[]) {
  expect((await endAfter(...parts)).code).toBe(code)
}

describe('a frame that breaks the protocol closes with 1002', () => {
  test.each(['text', 'binary', 'ping', 'pong', 'close'] as const)('unmasked %s', (kind) =>
    expectEnd(1002, frameOf(kind, kind === 'close' ? closing(1000) : ping, { isMasked: false })),
  )

  test.each([1, 2, 4, 7])('reserved bits %d', (reserved) =>
    expectEnd(1002, frameOf('text', ping, { reserved })),
  )

  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('reserved opcode %d', (opcode) =>
    expectEnd(1002, frameOf('text', ping, { opcode })),
  )

  test('the bit of compression, which is not agreed to although the client offers it', async () => {
    const raw = await open({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' })
    expect(raw.handshake).not.toMatch(/sec-websocket-extensions/i)
    raw.write(frameOf('text', Bun.deflateSync(Buffer.from(ping)), { reserved: 4 }))
    expect(await raw.ended()).toBe(1002)
  })

  test.each(['ping', 'pong', 'close'] as const)('%s in fragments', (kind) =>
    expectEnd(1002, frameOf(kind, '', { isFinal: false })),
  )

  test.each(['ping', 'pong', 'close'] as const)('%s of more than 125 bytes', (kind) =>
    expectEnd(1002, frameOf(kind, closing(1000, 'x'.repeat(124)))),
  )

  test('a continuation of nothing, also after a message that is complete', async () => {
    await expectEnd(1002, frameOf('continuation', ping))
    await expectEnd(1002, frameOf('text', ping), frameOf('continuation', ping))
  })

  test.each(['text', 'binary'] as const)('%s between the fragments of another message', (kind) =>
    expectEnd(1002, frameOf('text', ping, { isFinal: false }), frameOf(kind, ping)),
  )

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535])('close with the code %d', (code) =>
    expectEnd(1002, frameOf('close', closing(code))),
  )

  test('close with half a code', () => expectEnd(1002, frameOf('close', [3])))
})

describe('what is not UTF-8 closes with 1007', () => {
  test.each(Object.entries(notUtf8))('%s: in a text, across fragments and in a reason', async (_, bytes) => {
    const text = Buffer.from(bytes)
    await expectEnd(1007, frameOf('text', text))
    const [start, end] = [text.subarray(0, 2), text.subarray(2)]
    await expectEnd(1007, frameOf('text', start, { isFinal: false }), frameOf('continuation', end))
    await expectEnd(1007, frameOf('close', closing(1000, text)))
  })
})

describe('too much closes with 1009', () => {
  test('one frame, before it is there', async () => {
    const frame = frameOf('text', Buffer.alloc(maxFrameBytes + 1))
    await expectEnd(1009, frame)
    await expectEnd(1009, frame.subarray(0, 14))
  })

  test.each([0x7f, 0xff])('one of exabytes, beginning with 0x%x', (byte) =>
    expectEnd(1009, Buffer.from([0x81, 0xff, byte, ...Array(7).fill(255), 1, 2, 3, 4])),
  )

  test('fragments, as soon as they come to more', async () => {
    const half = Buffer.alloc(maxFrameBytes / 2 + 1)
    await expectEnd(1009, frameOf('text', half, { isFinal: false }), frameOf('continuation', half))
    const tiny = Array.from({ length: 70 }, () =>
      frameOf('continuation', half.subarray(0, 1000), { isFinal: false }),
    )
    await expectEnd(1009, frameOf('text', '', { isFinal: false }), ...tiny)
  })
})

describe('what is unusual and allowed', () => {
  test('a frame of exactly maxFrameBytes; one byte more closes with 1009', async () => {
    const raw = await open()
    raw.write(frameOf('text', ping.padEnd(maxFrameBytes)))
    await raw.text('"pong"')
    raw.destroy()
    await expectEnd(1009, frameOf('text', ping.padEnd(maxFrameBytes + 1)))
  })

  test('fragments with a ping between them are one message', async () => {
    const raw = await open()
    raw.write(
      frameOf('text', ping.slice(0, 5), { isFinal: false }),
      frameOf('ping', 'are you there'),
      frameOf('continuation', '', { isFinal: false }),
      frameOf('continuation', ping.slice(5)),
    )
    await raw.text('"pong"')
    const pong = raw.frames.find(({ opcode }) => opcode === 'pong')
    expect(pong?.payload.toString()).toBe('are you there')
    raw.destroy()
  })

  test('a frame that comes byte by byte', async () => {
    const raw = await open()
    raw.socket.setNoDelay(true)
    for (const byte of frameOf('text', ping)) {
      raw.write(Buffer.from([byte]))
      await Bun.sleep(1)
    }
    await raw.text('"pong"')
    raw.destroy()
  })

  test.each([1000, 1001, 3000, 4999])('close with the code %d is answered with the same', async (code) => {
    await expectEnd(code, frameOf('close', closing(code, 'bye')))
  })

  test('close without a code is answered without one', () => expectEnd(1005, frameOf('close')))

  test('nothing that comes after a close is heard', async () => {
    const { raw } = await endAfter(frameOf('close', closing(1000)), frameOf('text', ping))
    expect(raw.frames.map(({ opcode }) => opcode)).toEqual(['text', 'close'])
  })
})

describe('half a frame', () => {
  const half = frameOf('text', ping).subarray(0, 9)

  test('and the end of the link is the end of the socket', async () => {
    const [reset, ended] = [await open(), await open()]
    for (const raw of [reset, ended]) raw.write(half)
    reset.socket.resetAndDestroy()
    ended.socket.end()
    await ended.over()
  })

  test('and silence is cut off when no sign of life comes', async () => {
    const raw = await open()
    raw.write(half)
    service.clock.advance(26)
    await raw.until(() => raw.frames.find(({ opcode }) => opcode === 'ping'), 'a ping')
    // The witness answers its own by itself.
    service.clock.advance(11)
    await raw.over()
  })
})

test.each(['ping', 'pong'] as const)('300 of %s at once are too many messages: 4429', (kind) =>
  expectEnd(4429, Buffer.concat(Array.from({ length: 300 }, () => frameOf(kind)))),
)

test('random bytes never reach further than their own socket', async () => {
  for (let round = 0; round < 50; round++) {
    const raw = await open()
    const noise = Buffer.alloc(1 + randomInteger(300)).map(() => randomInteger(256))
    raw.write(round % 2 ? noise : frameOf('text', noise))
    await Promise.race([raw.ended(), Bun.sleep(30)])
    raw.destroy()
  }
  expect(service.lines.filter(({ level }) => level >= 50)).toEqual([])
})
