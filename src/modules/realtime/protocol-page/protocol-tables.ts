import type { Table } from '../../../openapi/markup'
import { hasHistory, may, type Right } from '../channels'
import { type CloseReason, closeCodes, titleOf } from '../messages'
import { limitRows } from './limit-notes'

const owner = { userId: 'owner', role: 'user' } as const
const stranger = { userId: 'stranger', role: 'user' } as const
const admin = { userId: 'admin', role: 'admin' } as const

/** A channel of every kind, by how it is written. */
const channels = {
  'room:<name>': 'room:lobby',
  'user:<id>': 'user:owner',
  admin: 'admin',
  system: 'system',
}

/** Asks the rights themselves, so that the page cannot say anything else. */
export const channelTable = (): Table => ({
  head: ['channel', 'listen', 'publish', 'see who is there', 'history'],
  rows: Object.entries(channels).map(([spelling, channel]) => [
    `\`${spelling}\``,
    ...(['subscribe', 'publish', 'presence'] as const).map((right) => whoMay(right, channel)),
    hasHistory(channel) ? 'yes' : 'no',
  ]),
})

function whoMay(right: Right, channel: string): string {
  if (may(stranger, right, channel)) return 'everyone'
  if (may(owner, right, channel)) return 'that user, admins'
  return may(admin, right, channel) ? 'admins' : 'nobody'
}

const whatToDo: Record<CloseReason, string> = {
  goingAway: 'Connect again after the wait that the reason names.',
  frameTooBig: 'Send less at once.',
  cannotKeepUp: 'Connect again, waiting longer each time.',
  badMessages: 'Mend the client: the errors said what is wrong.',
  unauthenticated: 'Refresh the tokens and connect again, or sign in.',
  notAllowed: 'Do not connect again without being asked to.',
  authTimeout: 'Show the token at the handshake, or at once after it.',
  tooManySockets: 'Close another one first.',
  tooManyMessages: 'Send slower.',
}

export const closeTable = (): Table => ({
  head: ['code', 'reason', 'meaning', 'what to do'],
  rows: Object.entries(closeCodes).map(([reason, { code, meaning }]) => [
    `${code}`,
    `\`${reason}\``,
    meaning,
    adviceFor(reason),
  ]),
})

const adviceFor = (reason: string) => new Map(Object.entries(whatToDo)).get(reason) ?? ''

/** Codes that a message can be answered with. */
const errorCodes = [
  'malformed_body',
  'validation_failed',
  'unauthenticated',
  'invalid_token',
  'forbidden',
  'rate_limited',
  'internal',
  'overloaded',
  'database_unavailable',
] as const

export const errorTable = (): Table => ({
  head: ['code', 'message'],
  rows: errorCodes.map((code) => [`[\`${code}\`](/docs/errors#${code})`, titleOf(code)]),
})

export const limitTable = (): Table => ({
  head: ['name', 'value', 'meaning'],
  rows: limitRows().map(([name, value, note]) => [`\`${name}\``, `${value}`, note]),
})
