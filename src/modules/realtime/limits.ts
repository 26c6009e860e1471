import { policies } from '../../core/rate-limiter/policies'

/** Size of a frame that a client sends. */
export const maxFrameBytes = 64 * 1024
/** Bytes that are buffered for a client that reads slowly. */
export const maxUnsentBytes = 1024 * 1024
/** Open sockets of one user, over all instances. */
export const maxSocketsPerUser = 20
/** Unauthenticated sockets of one instance. A handshake with a credential is accepted beyond it. */
export const maxUnauthenticated = 1000
/** Channels that a socket is subscribed to. */
export const maxSubscriptions = 100
/** Queued messages of one socket. */
export const maxQueued = 256
/** Client errors of one socket before it is closed. */
export const maxErrors = 10
/** Token bucket for the messages of one socket: rate and burst. */
export const messagesPerSecond = 50
export const messageBurst = 100

/** History of a channel: number of messages, and their age. */
export const historyMessages = 100
export const historySeconds = 24 * 3600
/**
 * Budgets of one user in an hour, over sockets and HTTP, so that one account cannot fill the disk: a day of history has
 * 120 MiB at most. They allow 17,000 messages of 200 bytes an hour and three new channels a minute.
 */
export const maxPublishedBytesPerHour = policies.published_bytes.quota
export const maxNewChannelsPerHour = policies.new_channels.quota
/** Bytes that each message costs beside its data, because a row has a size of its own. */
export const messageRowBytes = 100
/** An unused channel is deleted after this time, and starts again at offset 1. */
export const idleChannelDays = 30
/** Users in a presence list. `count` counts all of them. */
export const maxPresenceUsers = 1000

/** Time for an unauthenticated socket to send `auth`. */
export const authSeconds = 10
/** Lifetime of a ticket. */
export const ticketSeconds = 30
/** Time between `expiring` and the expiry of the token, or a third of the life of the token if that is shorter. */
export const expiryWarningSeconds = 30
/** Time without a message before a ping, and time to wait for the pong. */
export const pingSeconds = 25
export const pongSeconds = 10
/** Time for the client to complete the closing handshake. */
export const closeSeconds = 5

/** At shutdown, reconnects are spread over this time, or longer to keep below this rate. */
export const reconnectSpreadSeconds = 10
export const maxReconnectsPerSecond = 200

/** Concurrent and waiting tasks of all sockets of an instance: messages, sign-ins and closes. */
export const maxConcurrentTasks = 8
export const maxWaitingTasks = 20_000
export const maxTaskWaitMilliseconds = 30_000

/** Interval of checking deadlines. */
export const tickMilliseconds = 250
/** Interval of checking all sessions while the listener is disconnected. */
export const recheckMilliseconds = 750
/** Interval of heartbeats, and the time without one after which an instance counts as dead. */
export const heartbeatMilliseconds = 2000
export const deadAfterSeconds = 10

/** NOTIFY carries up to 8000 bytes. Instances read larger messages from the database. */
export const maxInlineBytes = 6000
/** Events of one channel that wait for delivery. Beyond it, messages are read from the database. */
export const maxQueuedNotifications = 1000
