import type { ErrorCode } from './errors'
import type { PolicyName } from './limits/policies'

/** What other parts of the service must learn at once, on every instance. */
export type Notice =
  | { type: 'session.ended'; sessionId: string; userId: string; reason: string }
  | { type: 'user.changed'; userId: string }
  /** `message` is left out when it is too large to travel: then it is read from the database. */
  | { type: 'channel.message'; channel: string; offset: number; message: PublishedMessage | null }
  | { type: 'channel.joined' | 'channel.left'; channel: string; userId: string }
  | { type: 'sockets.disconnected'; userId: string }
  /** An address has used up a limit: told once a window, and only in this process. */
  | { type: 'limit.reached'; policy: PolicyName; ip: string | null; requestId: string }
  /** A security event is kept and committed: told only in this process. */
  | { type: 'audit.recorded'; event: string; reason: string | null }
  /** A refresh token was exchanged, or got the successor that it had got before: told only in this process. */
  | { type: 'session.refreshed'; isRepeated: boolean }
  /** A request is answered with an error, that of a limit if it names one: told only in this process. */
  | { type: 'request.failed'; code: ErrorCode; policy: PolicyName | null }
  /** Something may have changed unheard: the link to the others was down, or a commit was not answered. */
  | { type: 'notices.missed' }

/** What was published, by whom; `socketId` names the socket that is not sent its own message. */
export type PublishedMessage = { data: unknown; fromUserId: string; socketId: string | null; sentAt: string }

export type Bus = {
  emit(notice: Notice): void
  on(listener: (notice: Notice) => void): void
}

/** Tells notices to every listener in this process, in the order they came. */
export function createBus(): Bus {
  const listeners: ((notice: Notice) => void)[] = []
  return {
    emit: (notice) => {
      for (const listener of listeners) listener(notice)
    },
    on: (listener) => {
      listeners.push(listener)
    },
  }
}
