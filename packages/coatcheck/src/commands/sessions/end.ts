import { exitCodes } from '../../exit-codes.ts'
import { type Command, type Given, type Shell, UsageError } from '../command.ts'
import { warnOfMissingKeys } from './missing-keys.ts'
import type { NamedSessions } from './open.ts'
import { dashedId, openOptions, subjectOption } from './options.ts'
import { progress } from './progress.ts'
import { sessionId } from './show.ts'

export const endSessions: Command = {
  name: 'sessions end',
  summary: 'End one session, those of a person, or all',
  positionals: ['[ID]'],
  dashed: dashedId,
  about: [
    'Ends sessions in a store that runs: no gateway serves them any more, at the latest two seconds later. Give one',
    'of ID, --subject and --all. Of a person, sign-ins that are under way are ended too.',
  ],
  options: [
    ...openOptions,
    subjectOption,
    { name: 'all', meaning: 'All sessions of one prefix; with --yes, and with --session where there are several' },
    { name: 'yes', meaning: 'Really end all' },
    { name: 'json', meaning: 'The number as JSON' },
  ],
  examples: [
    { line: 'coatcheck sessions end AAECAwQFBgcICQoLDA0ODw', meaning: 'One session, by its id' },
    { line: 'coatcheck sessions end --subject ann', meaning: 'Everywhere where ann is signed in' },
    { line: 'coatcheck sessions end --all --session default --yes', meaning: 'Everybody signs in again' },
  ],
  async run(given, shell) {
    const end = chosenEnd(given)
    const { withSessions } = await import('./open.ts')
    return withSessions(given, shell, async (all) => {
      const ended = await end(all, shell)
      shell.stdout(given.flag('json') ? `${JSON.stringify({ ended })}\n` : `Ended ${sessions(ended)}.\n`)
      return exitCodes.fine
    })
  },
}

type End = (all: readonly NamedSessions[], shell: Shell) => Promise<number>

/** @throws UsageError unless exactly one way to choose is given */
function chosenEnd(given: Given): End {
  const [id] = given.positionals
  const subject = given.value('subject')
  const ways = [id !== undefined, subject !== undefined, given.flag('all')].filter((way) => way).length
  if (ways !== 1) throw new UsageError('Which sessions are to end? Give one of ID, --subject WHO and --all.')
  if (id !== undefined) return endOne(sessionId(id))
  if (subject !== undefined) return endOf(subject)
  return endEverything(given.flag('yes'))
}

function endOne(id: string): End {
  return (all) => sum(all, async ({ directory }) => ((await directory.end(id)) ? 1 : 0))
}

function endOf(subject: string): End {
  return async (all, shell) => {
    await warnOfMissingKeys(all, shell)
    return sum(all, ({ directory }) => directory.endAll({ subject }))
  }
}

function endEverything(sure: boolean): End {
  return async (all, shell) => {
    const [only, another] = all
    if (another !== undefined) {
      throw new UsageError(`Which ones? Give --session with one of ${all.map(({ name }) => name).join(', ')}.`)
    }
    const { directory, name, prefix } = only!
    if (!sure) throw new UsageError(`This ends every session of "${name}" (prefix "${prefix}"). Add --yes to do it.`)
    const counted = progress(shell, 'sessions ended')
    for await (const batch of directory.list()) {
      const ends = await Promise.all(batch.map(({ id }) => directory.end(id)))
      counted.add(ends.filter((ended) => ended).length)
    }
    return counted.done()
  }
}

async function sum(all: readonly NamedSessions[], work: (one: NamedSessions) => Promise<number>): Promise<number> {
  let total = 0
  for (const one of all) total += await work(one)
  return total
}

function sessions(count: number): string {
  return count === 1 ? '1 session' : `${count} sessions`
}
