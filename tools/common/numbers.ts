/**
 * The numbers that pages and pictures show, the same ones everywhere.
 *
 * The kernel hands out others in every run, and how many descriptors Node has
 * opened before us depends on its version and on the terminal.
 */

/** The server's PID; its children follow. */
export const SERVER_PID = 4711;
/** Whoever started it. */
export const STARTER_PID = 4700;
/** Where it listens. */
export const PORT = 8888;
/** The first client's ephemeral port. */
export const CLIENT_PORT = 50_001;
/** The descriptor of the listener. */
export const LISTENER = 21;
/** The descriptor of the first connection: the next one. */
export const CONNECTION = LISTENER + 1;
/** The kernel's number of the first socket or pipe. */
export const INODE = 1_600_001;
