/** The texts of `--help`: of the program, and of each command. */
import type { Command, OptionSpec } from './command.ts'

const exits = `Exit codes: 0 fine, 1 the configuration, or a file that it names, has errors, 2 wrong usage, 70 fatal at run
time, or at a start that the machine did not let through.`

export function programHelp(commands: readonly Command[]): string {
  return `Coatcheck, a session gateway: it stands in front of web applications, keeps sessions on the server side,
and leaves the browser nothing but a ticket.

Usage: coatcheck [COMMAND] [OPTIONS]

Commands:
${columns(commands.map((one) => [[one.name, ...one.positionals].join(' '), one.summary]))}
  help COMMAND             Say more about a command; so does COMMAND --help

Start here:
  coatcheck protect http://localhost:3000    A gateway in front of your application, with no file at all
  coatcheck                                  Runs ./coatcheck.yaml

${exits}
`
}

/** Of the commands that one word names together. */
export function groupHelp(word: string, commands: readonly Command[]): string {
  return `Usage: coatcheck ${word} COMMAND [OPTIONS]

Commands:
${columns(commands.map((one) => [[one.name, ...one.positionals].join(' '), one.summary]))}

More: coatcheck help ${commands[0]!.name}
`
}

export function commandHelp(command: Command): string {
  const { name, positionals, options, about, examples } = command
  const usage = ['coatcheck', name, ...positionals, ...(options.length > 0 ? ['[OPTIONS]'] : [])].join(' ')
  return [
    `${command.summary}.\n\nUsage: ${usage}\n`,
    `${about.join('\n')}\n`,
    `Options:\n${columns([...options.map(optionRow), ['-h, --help', 'Say this']])}\n`,
    `Examples:\n${examples.map(({ line, meaning }) => `  ${line}\n      ${meaning}`).join('\n')}\n`,
    `${exits}\n`,
  ].join('\n')
}

function optionRow({ name, short, value, repeatable, meaning }: OptionSpec): [string, string] {
  const spelled = `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`
  return [spelled, repeatable ? `${meaning} (repeatable)` : meaning]
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(23, ...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
