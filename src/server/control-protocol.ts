/** The name under which a running service listens for commands in `DATA_DIR`. */
export const controlSocket = 'control.sock'

/** Where on it a copy of the database is asked for. */
export const snapshotPath = '/snapshot'
