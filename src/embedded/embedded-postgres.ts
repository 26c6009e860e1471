import { PGlite, protocol } from '@electric-sql/pglite'

const simpleQuery = 'Q'.charCodeAt(0)
const sync = 'S'.charCodeAt(0)

/** PGlite that tracks whether the client is between two statements, so that maintenance never runs within one. */
export class EmbeddedPostgres extends PGlite {
  #isBetweenStatements = true

  override async execProtocolRawStream(...[message, options]: Parameters<PGlite['execProtocolRawStream']>) {
    await super.execProtocolRawStream(message, options)
    this.#isBetweenStatements = message[0] === simpleQuery || message[0] === sync
  }

  /**
   * Runs one statement if the client is idle. Returns its first value, '' without one, or null if the client was busy.
   * Throws what the statement throws.
   */
  execWhenIdle(sql: string): Promise<string | null> {
    return this.whenIdle(async () => {
      const { messages } = await this.execProtocol(protocol.serialize.query(sql))
      const row = messages.find((message) => message instanceof protocol.messages.DataRowMessage)
      return row?.fields[0] ?? ''
    })
  }

  /** Runs `work` if the client is idle, and blocks its statements meanwhile. Returns null if the client was busy. */
  async whenIdle<T>(work: () => T | Promise<T>): Promise<T | null> {
    return this.runExclusive(async () =>
      this.#isBetweenStatements && !this.isInTransaction() ? await work() : null,
    )
  }
}
