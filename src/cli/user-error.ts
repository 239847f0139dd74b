/**
 * Something the person at the keyboard can put right. The command line prints the message, one line
 * that says what is wrong and what to do, without a stack, and exits with `exitCode` (default 1).
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}
