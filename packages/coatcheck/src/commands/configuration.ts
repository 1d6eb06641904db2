/** The options that say which configuration, shared by all commands that read one. */
import { native } from '@coatcheck/dialects'
import { type Dialect, didYouMean } from '@coatcheck/model'
import { filesSource, type TranslatingSource } from '../sources/files.ts'
import { type Given, type OptionSpec, type Shell, UsageError } from './command.ts'

/** Every dialect that can be read, by name. */
const dialects: readonly Dialect[] = [native]

export const configOption: OptionSpec = {
  name: 'config',
  short: 'c',
  value: 'PATH',
  repeatable: true,
  meaning: 'File of configuration, or folder of *.yaml; default $COATCHECK_CONFIG, else ./coatcheck.yaml',
}

export const dialectOption: OptionSpec = {
  name: 'dialect',
  value: 'NAME',
  meaning: `How the configuration is written: ${dialects.map(({ name }) => name).join(', ')} (default)`,
}

/** The source that `--config` and `--dialect` name. @throws UsageError for a dialect that is not there */
export function configurationSource(given: Given, { cwd, environment }: Shell): TranslatingSource {
  const paths = given.values('config')
  return filesSource({
    paths: paths.length > 0 ? paths : [environment.COATCHECK_CONFIG || 'coatcheck.yaml'],
    dialect: dialectNamed(given.value('dialect') ?? native.name),
    environment,
    cwd,
  })
}

function dialectNamed(name: string): Dialect {
  const dialect = dialects.find((one) => one.name === name)
  if (dialect !== undefined) return dialect
  const names = dialects.map((one) => one.name)
  throw new UsageError(
    `The dialect "${name}" is not one that this version reads; it reads ${names.join(', ')}.${didYouMean(name, names)}`,
  )
}
