import { connect } from 'node:net'

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
type Opcode = keyof typeof opcodes

type Shape = { isFinal?: boolean; isMasked?: boolean; reserved?: number; opcode?: number }
export type Frame = { opcode: Opcode | 'unknown'; payload: Buffer }

/** A frame of a client (RFC 6455 §5.2), valid or not. `reserved` has the bits RSV1 to RSV3. */
export function frameOf(
  kind: Opcode,
  content: string | Uint8Array | number[] = '',
  shape: Shape = {},
): Buffer {
  const { isFinal = true, isMasked = true, reserved = 0, opcode = opcodes[kind] } = shape
  const payload = Buffer.from(content)
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  const maskBit = isMasked ? 0x80 : 0
  const mask = isMasked ? crypto.getRandomValues(Buffer.alloc(4)) : Buffer.alloc(0)
  const head = Buffer.concat([Buffer.from([first]), lengthField(payload.length, maskBit), mask])
  const body = payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0))
  return Buffer.concat([head, body])
}

/** The status code and the reason of a close frame. */
export const closing = (code: number, reason: string | Uint8Array = '') =>
  Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])

function lengthField(length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.from([maskBit | length])
  const field = Buffer.alloc(length < 65_536 ? 3 : 9)
  field[0] = maskBit | (length < 65_536 ? 126 : 127)
  if (length < 65_536) field.writeUInt16BE(length, 1)
  else field.writeBigUInt64BE(BigInt(length), 1)
  return field
}

/** Parses the complete frames of a server, and returns the rest of the bytes. */
function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let rest = bytes
  for (;;) {
    const length = payloadLength(rest)
    if (length === null || rest.length < length.from + length.bytes) return { frames, rest }
    const number = (rest[0] ?? 0) & 15
    const [opcode = 'unknown'] = Object.entries(opcodes).find(([, value]) => value === number) ?? []
    frames.push({
      // Guarantee: the names are those of `opcodes`.
      opcode: opcode as Frame['opcode'],
      payload: rest.subarray(length.from, length.from + length.bytes),
    })
    rest = rest.subarray(length.from + length.bytes)
  }
}

function payloadLength(bytes: Buffer): { from: number; bytes: number } | null {
  const [, short = 0] = bytes
  if (bytes.length < 2) return null
  if (short < 126) return { from: 2, bytes: short }
  if (bytes.length < 10) return null
  if (short === 126) return { from: 4, bytes: bytes.readUInt16BE(2) }
  return { from: 10, bytes: Number(bytes.readBigUInt64BE(2)) }
}

export type RawSocket = Awaited<ReturnType<typeof openRawSocket>>

/** A WebSocket without a library, after its handshake. It replies to nothing, and reads until it is paused. */
export async function openRawSocket(url: string, token: string, headers: Record<string, string> = {}) {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  const frames: Frame[] = []
  let head = ''
  let rest = Buffer.alloc(0)
  let isOver = false
  socket.on('data', (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    const end = head === '' ? rest.indexOf('\r\n\r\n') : 0
    if (end === -1) return
    if (head === '') {
      head = rest.subarray(0, end).toString()
      rest = rest.subarray(end + 4)
    }
    const read = readFrames(rest)
    frames.push(...read.frames)
    rest = Buffer.from(read.rest)
  })
  // A reset counts as a close.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    isOver = true
  })
  const lines = {
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    Authorization: `Bearer ${token}`,
    ...headers,
  }
  const fields = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /api/v1/ws HTTP/1.1\r\n${fields.join('')}\r\n`)

  /** Waits until `find` returns a value. */
  async function until<T>(find: () => T | null | undefined, what: string, milliseconds = 5000): Promise<T> {
    for (const end = performance.now() + milliseconds; performance.now() < end; await Bun.sleep(5)) {
      const found = find()
      if (found !== null && found !== undefined) return found
    }
    throw new Error(`waited in vain for ${what}; came: ${head} ${JSON.stringify(frames)}`)
  }
  const text = (part: string) =>
    until(() => frames.find(({ payload }) => payload.includes(part)), `text with ${part}`)
  await text('"ready"')
  return {
    socket,
    frames,
    handshake: head,
    text,
    write: (...parts: Uint8Array[]) => socket.write(Buffer.concat(parts)),
    send: (message: unknown) => socket.write(frameOf('text', JSON.stringify(message))),
    /** The close code that was received: 1005 without a code, 1006 without a close frame. */
    async ended(milliseconds?: number): Promise<number> {
      const isClose = ({ opcode }: Frame) => opcode === 'close'
      await until(() => isOver || frames.find(isClose), 'the end', milliseconds)
      const close = frames.find(isClose)
      if (!close) return 1006
      return close.payload.length >= 2 ? close.payload.readUInt16BE() : 1005
    },
    /** Waits until the TCP connection is closed. */
    over: () => until(() => (isOver ? true : null), 'the end of the link'),
    until,
    destroy: () => socket.destroy(),
  }
}
