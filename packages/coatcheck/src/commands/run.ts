import type { Command } from './command.ts'
import { configOption, configurationSource, dialectOption } from './configuration.ts'
import { logLevelOption, startSource, stateOption } from './start.ts'

export const run: Command = {
  name: 'run',
  summary: 'Run the gateway (the default)',
  positionals: [],
  about: [
    'Runs until SIGTERM or SIGINT: then it stops accepting, finishes what is in flight and exits 0; a second',
    'signal ends it at once. A changed configuration (or SIGHUP) is loaded without losing a connection; one',
    'with errors changes nothing. Access log on standard output, the own log on standard error.',
  ],
  options: [configOption, dialectOption, stateOption, logLevelOption],
  examples: [
    { line: 'coatcheck', meaning: 'Runs ./coatcheck.yaml' },
    { line: 'coatcheck --config /etc/coatcheck --state /var/lib/coatcheck', meaning: 'Runs a folder, as a service' },
  ],
  run: (given, shell) => startSource(configurationSource(given, shell), given, shell),
}
