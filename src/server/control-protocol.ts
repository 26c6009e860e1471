/** The file name of the control socket in `DATA_DIR`. */
export const controlSocket = 'control.sock'

/** The path that requests a copy of the database. Any other path takes a command. */
export const snapshotPath = '/snapshot'
