import { printNative } from '@coatcheck/dialects'
import { hasErrors } from '@coatcheck/model'
import { exitCodes } from '../exit-codes.ts'
import type { Command } from './command.ts'
import { configOption, configurationSource, dialectOption } from './configuration.ts'
import { asText } from './diagnostics.ts'

export const translate: Command = {
  name: 'translate',
  summary: 'Print the native configuration that means the same',
  positionals: [],
  about: [
    'Prints what was read as one coatcheck.yaml on standard output, and its problems on standard error.',
    'Paths stay as they were written; of values that may be secrets, where they lie is printed. With',
    'errors the output shows what was understood, with addresses and URLs that lead nowhere in place of',
    'those that were not, and the exit code is 1.',
  ],
  options: [
    configOption,
    dialectOption,
    {
      name: 'format',
      value: 'FORMAT',
      choices: ['yaml', 'json'],
      meaning: 'yaml (default), or json: the model with all defaults filled in',
    },
  ],
  examples: [
    { line: 'coatcheck translate --config conf.d > coatcheck.yaml', meaning: 'Makes one file of a folder' },
    { line: 'coatcheck translate --format json', meaning: 'Shows every default' },
  ],
  async run(given, shell) {
    const { translation, diagnostics } = await configurationSource(given, shell).load()
    if (diagnostics.length > 0) shell.stderr(asText(diagnostics))
    const { model } = translation
    if (model)
      shell.stdout(given.value('format') === 'json' ? `${JSON.stringify(model, null, 2)}\n` : printNative(model))
    return model === undefined || hasErrors(diagnostics) ? exitCodes.configuration : exitCodes.fine
  },
}
