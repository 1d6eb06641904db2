import { exitCodes } from '../../exit-codes.ts'
import { type Command, UsageError } from '../command.ts'
import { dashedId, jsonOption, openOptions } from './options.ts'
import { asJson, details } from './text.ts'

export const showSession: Command = {
  name: 'sessions show',
  summary: 'Show what is known of one session',
  positionals: ['ID'],
  dashed: dashedId,
  about: [
    'Prints what is known of the session without its ticket; its content stays closed. The id is the public half',
    'of a ticket, as the access log has it. Ends with 1 when there is no such session.',
  ],
  options: [...openOptions, jsonOption],
  examples: [{ line: 'coatcheck sessions show AAECAwQFBgcICQoLDA0ODw', meaning: 'Looks in all stores' }],
  async run(given, shell) {
    const { withSessions } = await import('./open.ts')
    const id = sessionId(given.positionals[0]!)
    return withSessions(given, shell, async (all) => {
      for (const { name, directory } of all) {
        const info = await directory.get(id)
        if (info === undefined) continue
        shell.stdout(given.flag('json') ? asJson(name, info) : details(name, info))
        return exitCodes.fine
      }
      shell.stderr(`There is no session "${id}".\n`)
      return exitCodes.configuration
    })
  },
}

/** @throws UsageError for what is no id, and for a whole ticket: its secret has no place in a shell */
export function sessionId(text: string): string {
  const [, id] = /^1\.([\w-]{22})\./.exec(text) ?? []
  if (id !== undefined) {
    throw new UsageError(`That is a ticket, with its secret: whoever sees it is signed in. Give the id alone: ${id}`)
  }
  if (/^[\w-]{1,128}$/.test(text)) return text
  throw new UsageError(`"${text}" is no id of a session, as AAECAwQFBgcICQoLDA0ODw is.`)
}
