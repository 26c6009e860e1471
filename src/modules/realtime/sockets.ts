import type { Deps } from '../../deps'
import type { Principal } from '../sessions/service'
import { type Connection, close, noteAlive, spend, type Wire } from './connection'
import { receive } from './dispatch'
import * as life from './life'

/**
 * Finds the connection of each event. `key` is the object that the socket keeps from its opening to its end: the wrapper
 * around it is another one every time.
 */
export function createSockets(deps: Deps) {
  const connections = new WeakMap<object, Connection>()
  const withConnection = (key: object, work: (connection: Connection) => void) => {
    const connection = connections.get(key)
    if (connection) work(connection)
  }
  return {
    open(key: object, socket: object, principal: Principal | null) {
      connections.set(key, life.open(deps, wireOf(socket), principal))
    },
    receive: (key: object, frame: unknown) =>
      withConnection(key, (connection) => receive(deps, connection, frame)),
    /** A ping or a pong, which counts as a message: nobody has reason to send many. */
    beaten: (key: object) =>
      withConnection(key, (connection) => {
        const now = deps.clock.now()
        noteAlive(connection, now)
        if (!spend(connection, now)) close(connection, 'tooManyMessages', now)
      }),
    closed: (key: object, code: number) =>
      withConnection(key, (connection) => life.closed(deps, connection, code)),
  }
}

/** Bun's socket, of which Elysia's types leave out how much is unsent. */
function wireOf(socket: object): Wire {
  if (!isWire(socket)) throw new Error('the socket does not tell what is unsent')
  return socket
}

const isWire = (socket: object): socket is Wire => 'getBufferedAmount' in socket
