import type { Shell } from '../command.ts'
import type { NamedSessions } from './open.ts'

/** Says on standard error which sessions of a person cannot be found, if there may be any. */
export async function warnOfMissingKeys(all: readonly NamedSessions[], shell: Shell): Promise<void> {
  for (const { name, missingKeys } of all) {
    const missing = await missingKeys()
    if (missing.length === 0) continue
    const keys = missing.map((id) => `"${id}"`).join(', ')
    shell.stderr(
      `coatcheck: gateways that run have keys of "${name}" that this configuration lacks (${keys}): who signed in under one ` +
        'of them is not found here, and stays signed in. Give this command the configuration of those gateways.\n',
    )
  }
}
