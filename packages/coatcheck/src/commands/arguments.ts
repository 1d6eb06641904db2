import { type ParseArgsConfig, parseArgs } from 'node:util'
import { didYouMean } from '@coatcheck/model'
import { type Command, type Given, type OptionSpec, UsageError } from './command.ts'

/**
 * Reads the arguments of a command, strictly.
 *
 * @throws UsageError for an option that the command does not have (with the one that was probably meant), a value that
 * is missing, not wanted or not one of the choices, and for arguments too many or too few
 * @param all every command, for an option that is another one's
 */
export function parseArguments(command: Command, args: readonly string[], all: readonly Command[] = []): Given {
  const { dashed, others } = withoutDashed(command, args)
  checkDashes(command, others)
  const { tokens } = parseArgs({
    args: others,
    options: Object.fromEntries(command.options.map(asConfig)),
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const found = new Map<string, string[]>()
  const positionals = dashed
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const value = checkedValue(optionNamed(command, token.name, token.rawName, all), token)
    found.set(token.name, [...(found.get(token.name) ?? []), value])
  }
  checkPositionals(command, positionals)
  return {
    positionals,
    flag: (option) => found.has(option),
    value: (option) => found.get(option)?.at(-1),
    values: (option) => found.get(option) ?? [],
  }
}

/** Arguments that begin with a dash and are no options. */
function withoutDashed({ dashed }: Command, args: readonly string[]): { dashed: string[]; others: string[] } {
  const isDashed = (arg: string) => arg.startsWith('-') && dashed?.test(arg) === true
  return { dashed: args.filter(isDashed), others: args.filter((arg) => !isDashed(arg)) }
}

function asConfig({ name, short, value }: OptionSpec): [string, NonNullable<ParseArgsConfig['options']>[string]] {
  return [name, { type: value === undefined ? 'boolean' : 'string', multiple: true, ...(short ? { short } : {}) }]
}

/** `-config` would be read as `-c onfig`. */
function checkDashes({ options }: Command, args: readonly string[]): void {
  const end = args.indexOf('--')
  for (const arg of args.slice(0, end < 0 ? args.length : end)) {
    const [, name] = /^-([a-z][a-z-]+)(?:=|$)/.exec(arg) ?? []
    if (name === undefined || !options.some((one) => one.name === name)) continue
    throw new UsageError(`"-${name}" has one dash. Did you mean "--${name}"?`)
  }
}

function optionNamed(command: Command, name: string, raw: string, all: readonly Command[]): OptionSpec {
  const option = command.options.find((one) => one.name === name)
  if (option !== undefined) return option
  const names = [...command.options.map((one) => `--${one.name}`), '--help']
  const hint = didYouMean(raw, names) || ownersOf(name, all) || ` It has ${names.join(', ')}.`
  throw new UsageError(`"coatcheck ${command.name}" has no option "${raw}".${hint}`)
}

/** Which commands have the option that this one has not. */
function ownersOf(name: string, all: readonly Command[]): string {
  const owners = all.filter(({ options }) => options.some((one) => one.name === name))
  return owners.length === 0 ? '' : ` It is one of ${owners.map((owner) => `"coatcheck ${owner.name}"`).join(', ')}.`
}

interface OptionToken {
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function checkedValue({ name, value: placeholder, choices }: OptionSpec, token: OptionToken): string {
  const { rawName, value, inlineValue } = token
  if (placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`Option "--${name}" takes no value.`)
    return ''
  }
  const forgotten = value === undefined || value === '' || (!inlineValue && value.startsWith('--'))
  if (forgotten) throw new UsageError(`Option "${rawName}" needs a value: ${rawName} ${placeholder}.`)
  if (choices && !choices.includes(value)) {
    throw new UsageError(
      `"${value}" is nothing for "${rawName}": give ${choices.join(', ')}.${didYouMean(value, choices)}`,
    )
  }
  return value
}

function checkPositionals({ name, positionals: wanted }: Command, given: readonly string[]): void {
  if (given.length < wanted.filter((one) => !one.startsWith('[')).length) {
    throw new UsageError(`"coatcheck ${name}" needs ${wanted[given.length]}: coatcheck ${name} ${wanted.join(' ')}.`)
  }
  if (given.length > wanted.length) {
    const hint = /\.ya?ml$/.test(given[wanted.length]!) ? ` Did you mean "--config ${given[wanted.length]}"?` : ''
    throw new UsageError(`"coatcheck ${name}" knows nothing to do with "${given[wanted.length]}".${hint}`)
  }
}
