/** One subcommand of `squib`. */
export interface Command {
  /** One line for `squib help`. */
  summary: string;
  /** Everything that `squib NAME --help` prints below the summary. */
  usage: string;
  /** Resolves when the command is done; rejects with what {@link reportAndExit} prints. */
  run(args: string[]): Promise<void>;
}
