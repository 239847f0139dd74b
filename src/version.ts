/** Version of the library, as in package.json. */
export const VERSION = '0.1.0';

/** How the library names itself to a peer. */
export const LIBRARY = `visavis/${VERSION}`;
