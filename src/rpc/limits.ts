/** Of what a client sends. */
export const maxLineBytes = 1024 * 1024;
export const maxBatchMessages = 100;
/** Of one line; what is deeper or has more values takes long to check and means nothing. */
export const maxNesting = 64;
export const maxValues = 20_000;

/** Of one connection: with so many calls in flight, or so much unread, it is not read any further. */
export const maxCallsInFlight = 64;
export const maxUnreadBytes = 1024 * 1024;

/** Of one connection: more are refused, because nothing else would ever end them. */
export const maxWaits = 256;
export const maxOpenStreams = 64;

/** Of all connections together: unread answers and unfinished lines in memory, and streams that all want each item. */
export const maxHeldBytes = 256 * 1024 * 1024;
export const maxStreamsOfAll = 1024;

/** A live stream whose reader is this far behind ends. */
export const maxLiveUnreadBytes = 8 * 1024 * 1024;

/** After so much of one connection the others have their turn. */
export const messagesPerTurn = 64;
/** A long message counts as several. */
export const bytesPerMessage = 2048;
export const itemsPerTurn = 256;

/** How long a refused or closed connection may take to read the last words. */
export const lingerMs = 1000;

/** Of one message from the server, which is trusted more than a client but not without end. */
export const maxAnswerBytes = 256 * 1024 * 1024;
