import { PGlite, protocol } from '@electric-sql/pglite'

const simpleQuery = 'Q'.charCodeAt(0)
const sync = 'S'.charCodeAt(0)

/** PGlite that knows when its client is between two statements, so that maintenance never breaks one apart. */
export class EmbeddedPostgres extends PGlite {
  #isBetweenStatements = true

  override async execProtocolRawStream(...[message, options]: Parameters<PGlite['execProtocolRawStream']>) {
    await super.execProtocolRawStream(message, options)
    this.#isBetweenStatements = message[0] === simpleQuery || message[0] === sync
  }

  /**
   * Runs one statement if nothing of the client's is under way. Answers the first value ('' if there is none), or null
   * if it was not the moment. Throws what the statement throws.
   */
  execWhenIdle(sql: string): Promise<string | null> {
    return this.whenIdle(async () => {
      const { messages } = await this.execProtocol(protocol.serialize.query(sql))
      const row = messages.find((message) => message instanceof protocol.messages.DataRowMessage)
      return row?.fields[0] ?? ''
    })
  }

  /**
   * Runs `work` if nothing of the client's is under way, and lets nothing begin meanwhile; answers null if it was not the
   * moment.
   */
  async whenIdle<T>(work: () => T | Promise<T>): Promise<T | null> {
    return this.runExclusive(async () =>
      this.#isBetweenStatements && !this.isInTransaction() ? await work() : null,
    )
  }
}
