import { mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { ProgramError, systemCode } from '../errors.ts'
import type { Environment } from '../secrets.ts'

/** Where the program keeps what it has to remember: keys it made, sessions in SQLite. */
export interface StateFolder {
  /** Absolute; perhaps not there yet. */
  readonly path: string
  /**
   * Makes the folder when it is not there (mode 0700) and gives its path. Idempotent.
   *
   * @throws ProgramError `state-folder-unusable`
   */
  make(): string
}

/**
 * The state folder: `--state`, else `$COATCHECK_STATE`, else `$STATE_DIRECTORY` (systemd; the first one), else
 * `$XDG_STATE_HOME/coatcheck`, else `~/.local/state/coatcheck`. Nothing is made or touched before `make()`.
 *
 * @see XDG Base Directory Specification: a relative `$XDG_STATE_HOME` is ignored
 */
export function stateFolder(option: string | undefined, environment: Environment, cwd: string): StateFolder {
  const path = resolve(cwd, option || environment.COATCHECK_STATE || inherited(environment))
  return { path, make: () => makeFolder(path) }
}

function inherited({ STATE_DIRECTORY, XDG_STATE_HOME, HOME }: Environment): string {
  const [service] = (STATE_DIRECTORY ?? '').split(':')
  if (service) return service
  const base =
    XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(HOME || homedir(), '.local', 'state')
  return join(base, 'coatcheck')
}

function makeFolder(path: string): string {
  try {
    makeWithParents(path)
    return path
  } catch (cause) {
    throw new ProgramError(
      'state-folder-unusable',
      `The state folder "${path}" cannot be made: ${systemCode(cause) ?? 'unknown reason'}.`,
      'Keys and sessions that must outlive a restart would have no place.',
      'Name a folder that can be written with --state DIR or COATCHECK_STATE.',
      { cause },
    )
  }
}

/**
 * Not `recursive`, with which Node tries without end where nothing can be made and the parent is there, as below /proc.
 */
function makeWithParents(path: string): void {
  if (isFolder(path)) return
  makeWithParents(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(path)) throw error
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
