/** Codes of what keeps the program from starting or reloading. Each has an entry in `docs/reference/errors.md`. */
export type ProgramErrorCode =
  | 'environment-missing'
  | 'file-missing'
  | 'file-unreadable'
  | 'file-too-large'
  | 'key-invalid'
  | 'key-file-damaged'
  | 'key-file-unreadable'
  | 'state-folder-unusable'
  | 'certificate-invalid'
  | 'store-url-invalid'
  | 'address-in-use'
  | 'address-unusable'
  | 'workers-changed'
  | 'worker-failed'

/**
 * A problem of files, environment or state, in a diagnostic's four parts less its place. `exitCodeOf` says what a start
 * ends with.
 */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  readonly code: ProgramErrorCode
  /** What is wrong, the thing in quotes. */
  readonly problem: string
  /** What would have happened. */
  readonly consequence: string
  /** What to do. */
  readonly remedy: string
  constructor(
    code: ProgramErrorCode,
    problem: string,
    consequence: string,
    remedy: string,
    options?: { readonly cause: unknown },
  ) {
    super(`${problem} ${consequence} ${remedy}`, options)
    this.code = code
    this.problem = problem
    this.consequence = consequence
    this.remedy = remedy
  }
}

/** The system's word for what went wrong (`ENOENT`, `EACCES`), or `undefined` for an error that is not the system's. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

/** What it says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
