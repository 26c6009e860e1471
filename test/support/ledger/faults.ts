import type { Sql } from 'postgres'

/** Queries for rows of a partial transaction, which no end of the service may leave. */
const halves = {
  'a session without its user': `select s.id from sessions s left join users u on u.id = s.user_id where u.id is null`,
  'a token without its session, or of another user': `select t.id from tokens t
    left join sessions s on s.id = t.session_id and s.user_id = t.user_id where s.id is null`,
  'a session with no token that can be used, or two': `select s.id from sessions s
    left join tokens t on t.session_id = s.id and t.used_at is null group by s.id having count(t.id) <> 1`,
  'a token used without a successor, or the other way round': `select id from tokens
    where (used_at is null) <> (replaced_by is null)`,
  'a successor in another session': `select t.id from tokens t
    join tokens next on next.id = t.replaced_by where next.session_id <> t.session_id`,
  'a session that ended': `select id from sessions where revoked_at is not null`,
  'a user without the event of their creation, or with two': `select u.id from users u
    left join audit_events e on e.target_id = u.id and e.type = 'user.created' group by u.id having count(e.id) <> 1`,
  'an event of a creation without its user': `select e.id from audit_events e
    left join users u on u.id = e.target_id where e.type = 'user.created' and u.id is null`,
  'a session without the event of its sign-in, or with two': `select s.id from sessions s
    left join audit_events e on e.session_id = s.id and e.type = 'sign_in.succeeded' group by s.id having count(e.id) <> 1`,
  'an event of a sign-in without its session': `select e.id from audit_events e
    left join sessions s on s.id = e.session_id where e.type = 'sign_in.succeeded' and s.id is null`,
  'a channel whose messages are not counted from 1 without a gap': `select c.name from channels c
    left join channel_messages m on m.channel = c.name
    group by c.name, c.last_offset
    having count(m.*) <> c.last_offset or min(m."offset") <> 1 or max(m."offset") <> c.last_offset`,
  'a message in no channel': `select m.channel from channel_messages m
    left join channels c on c.name = m.channel where c.name is null`,
}

/** The names of the faults in a database. */
export async function faultsIn(sql: Sql): Promise<string[]> {
  const faults: string[] = []
  for (const [name, query] of Object.entries(halves)) {
    const rows = await sql.unsafe(query)
    if (rows.length > 0) faults.push(`${name}: ${rows.length}`)
  }
  return faults
}

/** Throws when an index or constraint is broken: it rebuilds all indexes and checks all constraints. */
export async function rebuild(sql: Sql) {
  const tables = await sql`select tablename as name from pg_tables where schemaname = 'public'`
  for (const { name } of tables) await sql.unsafe(`reindex table "${name}"`)
  const constraints = await sql`
    select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
    from pg_constraint where contype in ('c', 'f') and connamespace = 'public'::regnamespace`
  for (const { table, name, definition } of constraints)
    await sql.unsafe(`alter table ${table} drop constraint "${name}", add constraint "${name}" ${definition}`)
  return { tables: tables.length, constraints: constraints.length }
}
