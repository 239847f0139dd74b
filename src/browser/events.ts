/** Listener of an event whose `detail` is `Detail`. */
type Listener<Detail> =
  | ((event: CustomEvent<Detail>) => void)
  | { handleEvent(event: CustomEvent<Detail>): void };

/** An `EventTarget` whose events are `CustomEvent`s: their names and details are in `Events`. */
export interface TypedEventTarget<Events> {
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: Listener<Events[Name]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: Listener<Events[Name]> | null,
    options?: boolean | EventListenerOptions,
  ): void;
  dispatchEvent(event: Event): boolean;
}

/** `EventTarget` with typed events, to be extended. */
export const TypedEventTarget = EventTarget as new <Events>() => TypedEventTarget<Events>;

/** Details of 'statechange'. */
export interface StateChange<State extends string> {
  readonly state: State;
  /** Why, where the state is 'failed': a stable code for programs, one line for people. */
  readonly error?: { readonly code: string; readonly message: string };
}
