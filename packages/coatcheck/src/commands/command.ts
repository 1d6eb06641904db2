import type { Environment } from '../secrets.ts'

/** What a command sees of the machine it runs on; tests hand in their own. */
export interface Shell {
  readonly cwd: string
  readonly environment: Environment
  stdout(text: string): void
  stderr(text: string): void
  /** Resolves when standard output takes more; `undefined`: it always does. */
  drained?: (() => Promise<void>) | undefined
  /** Shows how far it is, on a terminal that shows nothing else; `undefined`: there is none. */
  progress?: ((text: string) => void) | undefined
}

/** A command of the program, and all that its help says. */
export interface Command {
  /** One word, or two: the first one then names several commands together. */
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Placeholders of its arguments; all must be given but those in brackets, which come last. */
  readonly positionals: readonly string[]
  /** An argument of this form is no option, though it begins with a dash, as every 64th id of a session does. */
  readonly dashed?: RegExp
  /** What it does, in lines of at most 100 characters. */
  readonly about: readonly string[]
  readonly options: readonly OptionSpec[]
  readonly examples: readonly { readonly line: string; readonly meaning: string }[]
  /** Gives the exit code. Throws `UsageError`, `ProgramError`. */
  run(given: Given, shell: Shell): Promise<number>
}

export interface OptionSpec {
  readonly name: string
  readonly short?: string
  /** Placeholder of its value; without one it is a flag. */
  readonly value?: string
  readonly repeatable?: boolean
  /** The only values it takes. */
  readonly choices?: readonly string[]
  readonly meaning: string
}

/** Arguments as they were given: no defaults in them. */
export interface Given {
  readonly positionals: readonly string[]
  flag(option: string): boolean
  /** The last value that was given. */
  value(option: string): string | undefined
  values(option: string): readonly string[]
}

/** The program was called in a way it does not know. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
