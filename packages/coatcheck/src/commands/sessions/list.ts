import type { SessionInfo } from '@coatcheck/session'
import { exitCodes } from '../../exit-codes.ts'
import type { Command, Given, Shell } from '../command.ts'
import { warnOfMissingKeys } from './missing-keys.ts'
import type { NamedSessions } from './open.ts'
import { jsonOption, openOptions, subjectOption } from './options.ts'
import { progress } from './progress.ts'
import { asJson, listHeading, listRow } from './text.ts'

export const listSessions: Command = {
  name: 'sessions list',
  summary: 'List the sessions in a store that runs',
  positionals: [],
  about: [
    'Prints what is known of each session without its ticket: id, who signed in (as a hash), created, last seen,',
    'expires, address and user agent of who started it. Contents stay closed. It goes through the store a little',
    'at a time, so that no server is held up; a session that comes or goes meanwhile may be missing or doubled.',
  ],
  options: [...openOptions, subjectOption, jsonOption],
  examples: [
    { line: 'coatcheck sessions list', meaning: 'All sessions of ./coatcheck.yaml' },
    { line: 'coatcheck sessions list --subject ann --json', meaning: 'Those of one person, for a program' },
  ],
  async run(given, shell) {
    const { withSessions } = await import('./open.ts')
    return withSessions(given, shell, (all) => printAll(all, given, shell))
  },
}

async function printAll(all: readonly NamedSessions[], given: Given, shell: Shell): Promise<number> {
  const json = given.flag('json')
  if (given.value('subject') !== undefined) await warnOfMissingKeys(all, shell)
  const counted = progress(shell, 'sessions')
  if (!json) shell.stdout(listHeading)
  for (const { name, directory } of all) {
    for await (const batch of batches(directory, given.value('subject'))) {
      counted.add(batch.length)
      shell.stdout(batch.map((info) => (json ? asJson(name, info) : listRow(info))).join(''))
      await shell.drained?.()
    }
  }
  counted.done()
  return exitCodes.fine
}

async function* batches(
  directory: NamedSessions['directory'],
  subject: string | undefined,
): AsyncIterable<readonly SessionInfo[]> {
  if (subject === undefined) yield* directory.list()
  else yield await directory.find({ subject })
}
