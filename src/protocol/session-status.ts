/** Where one end of a call stands. */
export type SessionStatus =
  /** Handshake or identity are under way. */
  | { readonly state: 'connecting' }
  /** Frames are sent as they come, and shown as they fall due. */
  | { readonly state: 'streaming' }
  /** The stream is over; `by` whom, and the figures that the peer gave of itself. */
  | {
      readonly state: 'ended';
      readonly by: 'us' | 'peer';
      readonly figures: Readonly<Record<string, number>>;
    }
  /** There will be no stream. The message is one line for people. */
  | { readonly state: 'failed'; readonly code: string; readonly message: string };
