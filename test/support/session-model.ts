/** A model of contract §5: pure, in whole seconds, without a database. */

export type User = { id: string; email: string; password: string; state: 'active' | 'inactive' | 'deleted' }
type Session = { user: User; endsAt: number; isEnded: boolean }
export type Access = { session: Session; endsAt: number; text: string }
export type Refresh = Access & { usedAt: number | null; successor: Refresh | null }
export type Pair = { access: Access; refresh: Refresh }
export type Expected = { status: number; code?: string; pair?: Pair }

const [accessTtl, refreshTtl, sessionTtl, grace, tolerance] = [900, 7 * 86_400, 30 * 86_400, 10, 5]
const refused = (status: number, code: string): Expected => ({ status, code })

export type SessionModel = ReturnType<typeof createSessionModel>

export function createSessionModel() {
  let now = 0
  const users: User[] = []
  const accesses: Access[] = []
  const refreshes: Refresh[] = []
  const sessions: Session[] = []

  const isLive = ({ isEnded, endsAt, user }: Session) => !isEnded && endsAt > now && user.state === 'active'
  const counts = (token: Access) => token.endsAt + tolerance > now
  const speaks = (token: Access) => counts(token) && isLive(token.session)
  const endAll = (user: User) => {
    for (const session of sessions) if (session.user === user) session.isEnded = true
  }

  function give(session: Session, repeated: Refresh | null = null): Pair {
    const access = { session, endsAt: Math.min(now + accessTtl, session.endsAt), text: '' }
    const endsAt = Math.min(now + refreshTtl, session.endsAt)
    const refresh = repeated ?? { session, endsAt, text: '', usedAt: null, successor: null }
    accesses.push(access)
    if (!repeated) refreshes.push(refresh)
    return { access, refresh }
  }

  function open(user: User): Pair {
    const session = { user, endsAt: now + sessionTtl, isEnded: false }
    sessions.push(session)
    return give(session)
  }

  function repeat(token: Refresh): Expected {
    const { usedAt, successor, session } = token
    if (usedAt === null || !successor) return refused(401, 'invalid_refresh_token')
    if (now - usedAt <= grace && successor.usedAt === null)
      return { status: 200, pair: give(session, successor) }
    session.isEnded = true
    return refused(401, 'refresh_token_reused')
  }

  return {
    users,
    accesses,
    refreshes,
    now: () => now,
    liveSessions: (user: User) =>
      sessions.filter((session) => session.user === user && !session.isEnded).length,
    advance: (seconds: number) => {
      now += seconds
    },
    register: (user: User) => {
      users.push(user)
    },
    login: (user: User, password: string): Expected =>
      user.state === 'active' && user.password === password
        ? { status: 200, pair: open(user) }
        : refused(401, 'invalid_credentials'),
    me: (token: Access): Expected => (speaks(token) ? { status: 200 } : refused(401, 'invalid_token')),
    refresh(token: Refresh): Expected {
      if (!counts(token) || !isLive(token.session)) return refused(401, 'invalid_refresh_token')
      if (token.usedAt !== null || token.endsAt <= now) return repeat(token)
      const pair = give(token.session)
      token.usedAt = now
      token.successor = pair.refresh
      return { status: 200, pair }
    },
    logout({ session }: Access): Expected {
      session.isEnded = true
      return { status: 204 }
    },
    logoutAll(token: Access): Expected {
      if (!speaks(token)) return refused(401, 'invalid_token')
      endAll(token.session.user)
      return { status: 204 }
    },
    changePassword(token: Access, current: string, next: string): Expected {
      const { user } = token.session
      if (!speaks(token)) return refused(401, 'invalid_token')
      if (user.password !== current) return refused(403, 'wrong_password')
      user.password = next
      endAll(user)
      return { status: 200, pair: open(user) }
    },
    activate(user: User, isActive: boolean): Expected {
      if (user.state === 'deleted') return refused(404, 'not_found')
      if (!isActive) endAll(user)
      user.state = isActive ? 'active' : 'inactive'
      return { status: 200 }
    },
    remove(user: User): Expected {
      if (user.state === 'deleted') return refused(404, 'not_found')
      endAll(user)
      user.state = 'deleted'
      return { status: 204 }
    },
  }
}
