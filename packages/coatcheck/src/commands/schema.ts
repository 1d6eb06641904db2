import { jsonSchema } from '@coatcheck/dialects'
import { exitCodes } from '../exit-codes.ts'
import type { Command } from './command.ts'

export const schema: Command = {
  name: 'schema',
  summary: 'Print the JSON Schema of coatcheck.yaml, for editors',
  positionals: [],
  about: [
    'Prints a JSON Schema (draft-07) with a description of every property. An editor that knows YAML then',
    'completes and explains, with this as first line of the file:',
    '  # yaml-language-server: $schema=./coatcheck.schema.json',
  ],
  options: [
    {
      name: 'documentation',
      value: 'URL',
      meaning: 'Where descriptions lead to; default configuration.md, beside the schema',
    },
  ],
  examples: [{ line: 'coatcheck schema > coatcheck.schema.json', meaning: 'Keeps it beside the configuration' }],
  async run(given, shell) {
    const documentation = given.value('documentation')
    const made = jsonSchema(documentation === undefined ? {} : { documentation })
    shell.stdout(`${JSON.stringify(made, null, 2)}\n`)
    return exitCodes.fine
  },
}
