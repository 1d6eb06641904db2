import { didYouMean } from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { asDiagnostic } from '../sources/references.ts'
import { parseArguments } from './arguments.ts'
import { type Command, type Shell, UsageError } from './command.ts'
import { asText } from './diagnostics.ts'
import { commandHelp, groupHelp, programHelp } from './help.ts'
import { commands } from './table.ts'

/**
 * Runs the command that the arguments name (`run` when they name none) and gives the exit code. Wrong usage and
 * whatever is wrong with files and state is told on standard error; everything else is thrown.
 */
export async function dispatch(args: readonly string[], shell: Shell): Promise<number> {
  let command: Command | undefined
  try {
    const [first, ...rest] = args
    if (first === '--version' || first === '-v') return await dispatch(['version', ...rest], shell)
    if (first === 'help' || ((first === '--help' || first === '-h') && rest.length === 0)) return help(rest, shell)
    const named = first !== undefined && !first.startsWith('-')
    if (named && isGroup(first) && wantsHelp(rest.slice(0, 1))) return help([first], shell)
    command = named ? commandNamed(args) : commands[0]
    const own = named ? args.slice(command.name.split(' ').length) : args
    if (wantsHelp(own)) return help(command.name.split(' '), shell)
    return await command.run(parseArguments(command, own, commands), shell)
  } catch (error) {
    return told(error, command, shell)
  }
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).some((one) => one === '--help' || one === '-h')
}

function help(names: readonly string[], shell: Shell): number {
  const [name, second] = names
  if (name === undefined || name.startsWith('-')) shell.stdout(programHelp(commands))
  else if (isGroup(name) && second === undefined) shell.stdout(groupHelp(name, groupOf(name)))
  else shell.stdout(commandHelp(commandNamed(names)))
  return exitCodes.fine
}

/** The commands that a first word names together. */
function groupOf(word: string): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `))
}

function isGroup(word: string): boolean {
  return groupOf(word).length > 0
}

/** @throws UsageError */
function commandNamed([name = '', second]: readonly string[]): Command {
  const group = groupOf(name)
  if (group.length > 0) return memberNamed(name, second, group)
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const file = /\.ya?ml$|\//.test(name) ? ` Did you mean "--config ${name}"?` : undefined
  const names = [...new Set(commands.map((one) => one.name.split(' ')[0]!)), 'help']
  const hint = file ?? (didYouMean(name, names) || ` There are ${names.join(', ')}.`)
  throw new UsageError(`There is no command "${name}".${hint}`)
}

/** @throws UsageError */
function memberNamed(word: string, second: string | undefined, group: readonly Command[]): Command {
  const member = group.find(({ name }) => name === `${word} ${second}`)
  if (member !== undefined) return member
  const seconds = group.map(({ name }) => name.slice(word.length + 1))
  const hint = second === undefined ? '' : didYouMean(second, seconds)
  const asked = second === undefined || second.startsWith('-') ? '' : `There is no "coatcheck ${word} ${second}". `
  throw new UsageError(`${asked}"coatcheck ${word}" goes on with ${seconds.join(', ')}.${hint}`)
}

function told(error: unknown, command: Command | undefined, shell: Shell): number {
  if (error instanceof UsageError) {
    shell.stderr(`coatcheck: ${error.message}\nMore: coatcheck ${command ? `help ${command.name}` : '--help'}\n`)
    return exitCodes.usage
  }
  if (error instanceof ProgramError) {
    shell.stderr(asText([asDiagnostic(error, undefined)]))
    return exitCodeOf(error.code)
  }
  throw error
}
