/** What kept two peers from being connected: stable, for programs; the message is for people. */
export type ConnectErrorCode =
  /** Nobody answers at the signalling URL. */
  | 'signalling-unreachable'
  /** The signalling server refused: the role in the room is taken, a limit was reached. */
  | 'signalling-refused'
  /** The signalling connection ended before the peers were connected. */
  | 'signalling-lost'
  /** The peer left the room before the channels were open. */
  | 'peer-left'
  /** Both peers are in the room, but no datagram finds its way between them. */
  | 'no-path'
  /** The peer's session description is not one that this side can use. */
  | 'incompatible';

/** Two peers could not be connected. The message is one line that says what to do. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';

  constructor(
    readonly code: ConnectErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
