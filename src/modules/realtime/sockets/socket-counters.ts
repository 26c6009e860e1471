import { closeCodes } from '../messages'

/** Messages and closes of this process since it started. */
export type SocketCounters = { received: number; sent: number; closes: Map<string, number> }

// The standard codes (RFC 6455 §7.4.1) that help an operator.
const standardCodes = [1000, 1005, 1006]
const knownCodes = [...standardCodes, ...Object.values(closeCodes).map(({ code }) => code)]

export const createSocketCounters = (): SocketCounters => ({
  received: 0,
  sent: 0,
  closes: new Map([...knownCodes.map(String), 'other'].map((name) => [name, 0])),
})

/** Unknown codes count as one, because a client may choose any code and each would be a time series. */
export function countClose({ closes }: SocketCounters, code: number) {
  const name = closes.has(String(code)) ? String(code) : 'other'
  closes.set(name, (closes.get(name) ?? 0) + 1)
}
