import * as limits from '../limits'

/** How the inside works; no client can tell. */
type Inner =
  | 'maxConcurrentTasks'
  | 'maxWaitingTasks'
  | 'maxTaskWaitMilliseconds'
  | 'tickMilliseconds'
  | 'recheckMilliseconds'
  | 'heartbeatMilliseconds'
  | 'deadAfterSeconds'
  | 'maxInlineBytes'
  | 'maxQueuedNotifications'

type Limit = Exclude<keyof typeof limits, Inner>

/** What each limit means to a client, and what happens beyond it: for the page of the protocol and the README. */
const notes: Record<Limit, string> = {
  maxFrameBytes: 'Largest frame that a client may send; close 1009.',
  maxUnsentBytes: 'Most bytes that may wait for a client to read them; close 1013.',
  maxSocketsPerUser: 'Open sockets of one user, over all instances; close 4409.',
  maxUnauthenticated: 'Open sockets of one instance that have sent no credential yet; 503 `overloaded`.',
  maxSubscriptions: 'Channels that one socket may listen to; error `rate_limited`.',
  maxQueued: 'Messages of one socket that may wait for their turn; close 1013.',
  maxErrors: 'Errors of one socket until it is closed; close 4400.',
  messagesPerSecond: 'Messages a second of one socket; close 4429.',
  messageBurst: 'Messages of one socket at once; close 4429.',
  historyMessages: 'Latest messages that are kept of each channel with a history.',
  historySeconds: 'Age at which a message is no longer kept.',
  idleChannelDays: 'Silence after which a channel starts again at offset 1.',
  maxPresenceUsers: 'Users that `presence` names; `count` counts all.',
  authSeconds: 'For the first message of a socket that came without a credential; close 4408.',
  ticketSeconds: 'Life of a ticket.',
  expiryWarningSeconds: 'Time between `expiring` and the end of the token; close 4401.',
  pingSeconds: 'Silence after which the server sends a ping frame.',
  pongSeconds: 'Time to answer it; then the connection is cut.',
  closeSeconds: 'Time to answer a close; then the connection is cut.',
  reconnectSpreadSeconds:
    'Longest wait that a close with 1001 asks for, unless there are too many sockets for it.',
  maxReconnectsPerSecond:
    'Clients that a server which goes away asks to come back in the same second, at most.',
}

/** Every limit that a client can meet: its name in `limits.ts`, its value, what it means. */
export const limitRows = (): [name: string, value: number, note: string][] =>
  Object.entries(notes).map(([name, note]) => [name, new Map(Object.entries(limits)).get(name) ?? 0, note])
