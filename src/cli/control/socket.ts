/** The name under which a running service listens for commands in `DATA_DIR`. */
export const controlSocket = 'control.sock'
