import { policies } from '../../core/rate-limiter/policies'

/** Largest frame a client may send. */
export const maxFrameBytes = 64 * 1024
/** Most bytes that may wait for a client to read them. */
export const maxUnsentBytes = 1024 * 1024
/** Open sockets of one user, over all instances. */
export const maxSocketsPerUser = 20
/** Open sockets of one instance that have not signed in yet: whoever comes with a credential is let in beyond that. */
export const maxUnauthenticated = 1000
/** Channels that one socket may be subscribed to. */
export const maxSubscriptions = 100
/** Messages of one socket that may wait for their turn. */
export const maxQueued = 256
/** Errors of one socket until it is closed. */
export const maxErrors = 10
/** Messages a second of one socket, and how many at once. */
export const messagesPerSecond = 50
export const messageBurst = 100

/** Kept of each channel: so many messages, none older than this. */
export const historyMessages = 100
export const historySeconds = 24 * 3600
/**
 * What one user may add to the database in an hour, over sockets and HTTP. A day of history is 120 MiB at most. Text chat
 * stays far below: it is 17,000 messages of 200 bytes an hour, five a second, and three new channels a minute.
 */
export const maxPublishedBytesPerHour = policies.published_bytes.quota
export const maxNewChannelsPerHour = policies.new_channels.quota
/** Counted for each message beside its data: a row costs as much, however small the data is. */
export const messageRowBytes = 100
/** A channel that nobody published to for this long starts again at offset 1. */
export const idleChannelDays = 30
/** Members that `presence` names; `count` counts all. */
export const maxPresenceUsers = 1000

/** For the first message `auth` of a socket that came without a credential. */
export const authSeconds = 10
/** Life of a ticket. */
export const ticketSeconds = 30
/** How long before the end of its token a socket is told, once; a third of the token's life if that is shorter. */
export const expiryWarningSeconds = 30
/** Silence after which the other side is asked for a sign of life, and how long it may take to give one. */
export const pingSeconds = 25
export const pongSeconds = 10
/** For the other side to answer a close. */
export const closeSeconds = 5

/** When the server goes away: over how long it spreads the return of its clients, and how many a second at most. */
export const reconnectSpreadSeconds = 10
export const maxReconnectsPerSecond = 200

/** Messages, arrivals and departures that all sockets together may have under way, and that may wait for their turn. */
export const maxConcurrentTasks = 8
export const maxWaitingTasks = 20_000
export const maxTaskWaitMilliseconds = 30_000

/** How often deadlines are looked at. */
export const tickMilliseconds = 250
/** How often sockets are looked up while notices of changes do not arrive. */
export const recheckMilliseconds = 750
/** How often an instance says that it lives, and the silence after which the others take it for dead. */
export const heartbeatMilliseconds = 2000
export const deadAfterSeconds = 10

/** A NOTIFY holds 8000 bytes: larger messages are read from the database by whoever needs them. */
export const maxInlineBytes = 6000
/** Notices of one channel that may wait for delivery; beyond that they are read from the database. */
export const maxQueuedNotifications = 1000
