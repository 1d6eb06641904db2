import { hasErrors } from '@coatcheck/model'

/** What `run` and `protect` share: a source becomes a running gateway. */

import { exitCodes } from '../exit-codes.ts'
import { type LogLevel, logLevels } from '../observability/log.ts'
import type { LoadedConfiguration, Source } from '../sources/source.ts'
import { stateFolder } from '../state/state-folder.ts'
import { type Given, type OptionSpec, type Shell, UsageError } from './command.ts'
import { asText, counted } from './diagnostics.ts'
import { ownVersion } from './version.ts'

export const stateOption: OptionSpec = {
  name: 'state',
  value: 'DIR',
  meaning: 'Folder for made keys and sessions; default $COATCHECK_STATE, $STATE_DIRECTORY, ~/.local/state/coatcheck',
}

export const logLevelOption: OptionSpec = {
  name: 'log-level',
  value: 'LEVEL',
  choices: logLevels,
  meaning: 'debug, info, warn or error; default $COATCHECK_LOG_LEVEL, else info',
}

/** Runs until it is stopped; gives the exit code. A configuration with errors is shown and not started. */
export async function startSource(source: Source, given: Given, shell: Shell): Promise<number> {
  const logLevel = chosenLevel(given, shell)
  const first = await source.load()
  if (first.model === undefined || hasErrors(first.diagnostics)) {
    shell.stderr(
      `${asText(first.diagnostics)}\n${counted(first.diagnostics, first.files.length)}; nothing was started\n`,
    )
    return exitCodes.configuration
  }
  // Loaded here, so that the commands which start nothing do not pay for it.
  const { startGateway } = await import('../runtime/start.ts')
  return startGateway(startingWith(first, source), {
    state: stateFolder(given.value('state'), shell.environment, shell.cwd),
    logLevel,
    ...ownVersion(),
  })
}

/** @throws UsageError for a level in the environment that is none */
function chosenLevel(given: Given, { environment }: Shell): LogLevel {
  const level = given.value('log-level') ?? (environment.COATCHECK_LOG_LEVEL || 'info')
  const known = logLevels.find((one) => one === level)
  if (known !== undefined) return known
  throw new UsageError(`COATCHECK_LOG_LEVEL is "${level}"; it is one of ${logLevels.join(', ')}.`)
}

/** The source, its first load already done: what was checked is what starts. */
function startingWith(first: LoadedConfiguration, source: Source): Source {
  let loaded: LoadedConfiguration | undefined = first
  return {
    async load() {
      const ready = loaded ?? (await source.load())
      loaded = undefined
      return ready
    },
    watch: (changed) => source.watch(changed),
  }
}
