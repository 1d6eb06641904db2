import { hasErrors, sorted } from '@coatcheck/model'
import { exitCodes } from '../exit-codes.ts'
import type { LoadedConfiguration } from '../sources/source.ts'
import type { Command } from './command.ts'
import { compareGateways } from './compare-gateways.ts'
import { configOption, configurationSource, dialectOption } from './configuration.ts'
import { asGithub, asText, count, counted } from './diagnostics.ts'
import { type ProbedStore, probeDiagnostics, probedAsText, probeStores } from './probe-stores.ts'

export const check: Command = {
  name: 'check',
  summary: 'Say what is wrong with a configuration, all of it at once',
  positionals: [],
  about: [
    'Reads the configuration and everything it refers to, and starts nothing. Each problem comes with its',
    'place, what would have happened and what to write instead. Warnings alone end with exit code 0.',
    'Without errors it then connects to every server of the Redis stores and says which step fails: name,',
    'TCP, TLS, authentication, permission, role and more; and whether the gateways that run there have a key in',
    'common with this one, and the same settings. It writes nothing there, and takes 5 s at most.',
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
    { name: 'no-probe', meaning: 'Connect to no store, as where there is no network' },
  ],
  examples: [
    { line: 'coatcheck check', meaning: 'Checks ./coatcheck.yaml' },
    { line: 'coatcheck check --config conf.d --format github', meaning: 'Checks a folder, in a workflow' },
    { line: 'coatcheck check --no-probe', meaning: 'Checks the text alone, where the stores cannot be reached' },
  ],
  async run(given, shell) {
    const loaded = await configurationSource(given, shell).load()
    const { model, diagnostics, placeOf } = loaded
    const isProbed = model !== undefined && !hasErrors(diagnostics) && !given.flag('no-probe')
    const probes = isProbed ? await probeStores(model, shell.environment) : []
    const found = model === undefined ? [] : probeDiagnostics(probes, model, placeOf)
    const answering = probes.filter(({ steps }) => steps.every(({ outcome }) => outcome !== 'failed'))
    const names = answering.map(({ store }) => store)
    const differing = model === undefined ? [] : await compareGateways(model, names, shell.environment, placeOf)
    const all = { ...loaded, diagnostics: sorted([...diagnostics, ...found, ...differing]) }
    shell.stdout(report(all, probes, given.value('format') ?? 'text'))
    return hasErrors(all.diagnostics) ? exitCodes.configuration : exitCodes.fine
  },
}

/** A word where somebody may wait for a connection test. */
function unprobed({ model, diagnostics }: LoadedConfiguration, probes: readonly ProbedStore[]): string {
  const isWaitedFor = probes.length === 0 && model?.stores.some(({ kind }) => kind === 'redis')
  return isWaitedFor && hasErrors(diagnostics) ? 'No store was probed, because of the errors.\n' : ''
}

function report(loaded: LoadedConfiguration, probes: readonly ProbedStore[], format: string): string {
  const { diagnostics, files, revision } = loaded
  if (format === 'github') return asGithub(diagnostics)
  if (format === 'json')
    return `${JSON.stringify({ ...count(diagnostics), files, revision, diagnostics, probes }, null, 2)}\n`
  const problems = diagnostics.length === 0 ? '' : `${asText(diagnostics)}\n`
  return `${problems}${probedAsText(probes)}${unprobed(loaded, probes)}${counted(diagnostics, files.length)}\n`
}
