import { closeCodes } from '../messages'

/** What went through the sockets of this process since it started. */
export type SocketCounters = { received: number; sent: number; closes: Map<string, number> }

// Of the standard's own (RFC 6455 §7.4.1) those that mean something to an operator.
const standardCodes = [1000, 1005, 1006]
const knownCodes = [...standardCodes, ...Object.values(closeCodes).map(({ code }) => code)]

export const createSocketCounters = (): SocketCounters => ({
  received: 0,
  sent: 0,
  closes: new Map([...knownCodes.map(String), 'other'].map((name) => [name, 0])),
})

/** Counts the end of a socket. A client may close with any of two thousand codes: those that nobody knows are one. */
export function countClose({ closes }: SocketCounters, code: number) {
  const name = closes.has(String(code)) ? String(code) : 'other'
  closes.set(name, (closes.get(name) ?? 0) + 1)
}
