/** The options that the `sessions` commands share. */
import type { OptionSpec } from '../command.ts'
import { configOption, dialectOption } from '../configuration.ts'
import { stateOption } from '../start.ts'

export const sessionOption: OptionSpec = {
  name: 'session',
  value: 'NAME',
  meaning: 'Sessions of this name in the configuration; default all that lie in Redis or SQLite',
}
export const subjectOption: OptionSpec = {
  name: 'subject',
  value: 'WHO',
  meaning: 'Sessions of the person who signed in under this name',
}
export const jsonOption: OptionSpec = { name: 'json', meaning: 'JSON, one object a line' }
export const openOptions: readonly OptionSpec[] = [configOption, dialectOption, sessionOption, stateOption]

/** The whole form of an id; some begin with a dash. */
export const dashedId = /^[\w-]{22}$/
