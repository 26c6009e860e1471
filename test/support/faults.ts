import postgres, { type Sql } from 'postgres'
import type { OwnPostgres } from './own-postgres'

/** A fault of a server, and the way to end it. */
export type Fault = {
  name: string
  begin(own: OwnPostgres): Promise<void>
  end(own: OwnPostgres): Promise<void>
}

const killService = `select pg_terminate_backend(pid, 5000) from pg_stat_activity
  where usename = 'fastkit' and application_name like 'fastkit%'`

/** The faults of a PostgreSQL server. */
export const faults: Fault[] = [
  { name: 'is restarted, fast', begin: (own) => own.stop('fast'), end: (own) => own.start() },
  { name: 'dies and recovers', begin: (own) => own.stop('immediate'), end: (own) => own.start() },
  {
    name: 'is frozen',
    begin: async (own) => own.pause(),
    end: async (own) => own.resume(),
  },
  lockingFault(),
  {
    name: 'gives its role no connection',
    begin: (own) => own.run('alter role fastkit connection limit 0', killService),
    end: (own) => own.run('alter role fastkit connection limit -1'),
  },
  crowdingFault(),
  {
    name: 'is read-only for new sessions',
    begin: (own) => own.run('alter database fastkit set default_transaction_read_only = on', killService),
    end: (own) =>
      own.run(
        'set default_transaction_read_only = off',
        'alter database fastkit reset default_transaction_read_only',
      ),
  },
  {
    name: 'is read-only for all sessions',
    begin: (own) => own.run('alter system set default_transaction_read_only = on', 'select pg_reload_conf()'),
    end: (own) =>
      own.run(
        'set default_transaction_read_only = off',
        'alter system reset default_transaction_read_only',
        'select pg_reload_conf()',
      ),
  },
  {
    name: 'takes another password',
    begin: (own) => own.run(`alter role fastkit password 'another'`, killService),
    end: (own) => own.run(`alter role fastkit password 'own'`),
  },
  {
    name: 'has no such database',
    begin: (own) =>
      own.runOn(
        'postgres',
        'alter database fastkit allow_connections false',
        killService,
        'alter database fastkit rename to elsewhere',
      ),
    end: (own) =>
      own.runOn(
        'postgres',
        'alter database elsewhere rename to fastkit',
        'alter database fastkit allow_connections true',
      ),
  },
]

function lockingFault(): Fault {
  let holder: Sql
  return {
    name: 'has its tables locked',
    async begin({ superUrl }) {
      holder = connect(superUrl)
      const { promise: locked, resolve } = Promise.withResolvers<void>()
      const forever = holder.begin(async (transaction) => {
        await transaction`lock table users, sessions, tokens in access exclusive mode`
        resolve()
        await Promise.withResolvers<never>().promise
      })
      forever.catch(() => undefined)
      await locked
    },
    end: () => holder.end({ timeout: 0 }),
  }
}

/** Another role uses every connection that is not reserved for the superuser. */
function crowdingFault(): Fault {
  let others: Sql[] = []
  return {
    name: 'has no place left',
    async begin({ superUrl, run }) {
      await run(
        `create role crowd login password 'own'`,
        'alter role fastkit connection limit 0',
        killService,
      )
      for (let isFull = false; !isFull; ) {
        const other = connect(superUrl.replace('postgres:own', 'crowd:own'))
        others.push(other)
        isFull = await other`select 1`.then(
          () => false,
          () => true,
        )
      }
      await run('alter role fastkit connection limit -1')
    },
    async end({ run }) {
      await Promise.all(others.map((other) => other.end({ timeout: 1 })))
      others = []
      await run('drop role crowd')
    },
  }
}

const connect = (url: string) => postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined })
