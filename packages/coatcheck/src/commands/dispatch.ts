import { didYouMean } from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { asDiagnostic } from '../sources/references.ts'
import { parseArguments } from './arguments.ts'
import { type Command, type Shell, UsageError } from './command.ts'
import { asText } from './diagnostics.ts'
import { commandHelp, programHelp } from './help.ts'
import { commands } from './table.ts'

/**
 * Runs the command that the arguments name (`run` when they name none) and gives the exit code. Wrong usage and whatever
 * is wrong with files and state is told on standard error; everything else is thrown.
 */
export async function dispatch(args: readonly string[], shell: Shell): Promise<number> {
  let command: Command | undefined
  try {
    const [first, ...rest] = args
    if (first === '--version' || first === '-v') return await dispatch(['version', ...rest], shell)
    if (first === 'help' || ((first === '--help' || first === '-h') && rest.length === 0)) return help(rest, shell)
    const named = first !== undefined && !first.startsWith('-')
    command = named ? commandNamed(first) : commands[0]
    const own = named ? rest : args
    if (wantsHelp(own)) return help([command.name], shell)
    return await command.run(parseArguments(command, own, commands), shell)
  } catch (error) {
    return told(error, command, shell)
  }
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).some((one) => one === '--help' || one === '-h')
}

function help([name]: readonly string[], shell: Shell): number {
  shell.stdout(name === undefined || name.startsWith('-') ? programHelp(commands) : commandHelp(commandNamed(name)))
  return exitCodes.fine
}

/** @throws UsageError */
function commandNamed(name: string): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const file = /\.ya?ml$|\//.test(name) ? ` Did you mean "--config ${name}"?` : undefined
  const names = [...commands.map((one) => one.name), 'help']
  const hint = file ?? (didYouMean(name, names) || ` There are ${names.join(', ')}.`)
  throw new UsageError(`There is no command "${name}".${hint}`)
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
