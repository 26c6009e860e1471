import { customType, timestamp, uuid } from 'drizzle-orm/pg-core'

/** Primary key: a UUIDv7 made in the process. */
export const id = () => uuid('id').primaryKey()

/** A moment to the millisecond: what a `Date` holds comes back unchanged. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

/** Raw bytes. */
export const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
