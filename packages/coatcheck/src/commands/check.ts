import { hasErrors } from '@coatcheck/model'
import { exitCodes } from '../exit-codes.ts'
import type { LoadedConfiguration } from '../sources/source.ts'
import type { Command } from './command.ts'
import { configOption, configurationSource, dialectOption } from './configuration.ts'
import { asGithub, asText, count, counted } from './diagnostics.ts'

export const check: Command = {
  name: 'check',
  summary: 'Say what is wrong with a configuration, all of it at once',
  positionals: [],
  about: [
    'Reads the configuration and everything it refers to, and starts nothing. Each problem comes with its',
    'place, what would have happened and what to write instead. Warnings alone end with exit code 0.',
  ],
  options: [
    configOption,
    dialectOption,
    {
      name: 'format',
      value: 'FORMAT',
      choices: ['text', 'json', 'github'],
      meaning: 'text (default), json, or github: annotations of a pull request',
    },
  ],
  examples: [
    { line: 'coatcheck check', meaning: 'Checks ./coatcheck.yaml' },
    { line: 'coatcheck check --config conf.d --format github', meaning: 'Checks a folder, in a workflow' },
  ],
  async run(given, shell) {
    const loaded = await configurationSource(given, shell).load()
    shell.stdout(report(loaded, given.value('format') ?? 'text'))
    return hasErrors(loaded.diagnostics) ? exitCodes.configuration : exitCodes.fine
  },
}

function report({ diagnostics, files, revision }: LoadedConfiguration, format: string): string {
  const summary = counted(diagnostics, files.length)
  if (format === 'github') return asGithub(diagnostics)
  if (format === 'json') return `${JSON.stringify({ ...count(diagnostics), files, revision, diagnostics }, null, 2)}\n`
  return diagnostics.length === 0 ? `${summary}\n` : `${asText(diagnostics)}\n${summary}\n`
}
