/** What stands in the documentation outside of its fenced blocks: commands within a line, and code that hides from the tests. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { parseArguments } from '../../packages/coatcheck/src/commands/arguments.ts'
import { UsageError } from '../../packages/coatcheck/src/commands/command.ts'
import { commands } from '../../packages/coatcheck/src/commands/table.ts'
import { root } from '../running/gateway.ts'

export interface Span {
  /** Number of the line that it begins in, from 1. */
  readonly line: number
  readonly text: string
}

/** The text with its fenced blocks blanked, line for line. */
function prose(markdown: string): string[] {
  let inBlock = false
  return markdown.split('\n').map((line) => {
    const fence = /^\s*```/.test(line)
    if (fence) inBlock = !inBlock
    return fence || inBlock ? '' : line
  })
}

/** Ways to show code that no test looks at; each is to be written as a fenced block. */
export function hiddenCode(markdown: string): Span[] {
  const lines = prose(markdown)
  return lines.flatMap((text, at) => {
    const indented = /^(?: {4}|\t)/.test(text) && (lines[at - 1] ?? '').trim() === ''
    return indented || /^\s*~~~|^\s*>\s*(?:```|~~~| {4})|<(?:pre|code|samp|kbd)\b/i.test(text)
      ? [{ line: at + 1, text }]
      : []
  })
}

/** Code within a line; what is too long for a line may go on in the next one. */
function spans(markdown: string): Span[] {
  const text = prose(markdown).join('\n')
  return [...text.matchAll(/(?<!`)(`+)(?!`)((?:(?!\n\s*\n)[\s\S])+?)(?<!`)\1(?!`)/g)].map((found) => ({
    line: text.slice(0, found.index).split('\n').length,
    text: found[2]!.replaceAll(/\s+/g, ' ').trim(),
  }))
}

const programs =
  /^(?:[A-Z_]+=\S+ )*(?:\.\/coatcheck(?= |$)|(?:coatcheck|make|kill|node|npm|npx|curl|openssl|node_modules\/\S+) )/

/** Commands within a line. */
export const inlineCommands = (markdown: string): Span[] => spans(markdown).filter(({ text }) => programs.test(text))

/** What is wrong with a command within a line; `undefined` when it exists, with everything that is given to it. */
export function problemOf(command: string): string | undefined {
  const [, check] = known.find(([pattern]) => pattern.test(command)) ?? []
  if (check === undefined) return 'no rule knows it: write it as a fenced block, which is run, or add a rule here'
  return check(command.split(' ').slice(1))
}

type Check = (words: readonly string[]) => string | undefined

const known: readonly (readonly [RegExp, Check])[] = [
  [/^(?:\.\/)?coatcheck\b/, (words) => ofProgram(words.filter((word) => word !== '…'))],
  [
    /^make [a-z-]+$/,
    ([target]) => unless(read('Makefile').includes(`\n${target}:`), 'the Makefile has no such target'),
  ],
  [/^kill -\S+$/, ([signal]) => unless(isSignal(signal!.slice(1)), 'there is no such signal')],
  [/^node \S+\.ts\b/, ([file, ...words]) => ofScript(file!, words)],
  [/^npm ci$/, () => unless(existsSync(join(root, 'package-lock.json')), 'there is no lock file')],
  [/^openssl rand\b/, (words) => unless(spawnSync('openssl', words).status === 0, 'it fails')],
  [/^(?:UPDATE_GOLDEN=1 )?node_modules\/\.bin\/vitest run \S+$/, (words) => ofTests(words.at(-1)!)],
]

const unless = (holds: boolean, problem: string) => (holds ? undefined : problem)
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const isSignal = (name: string) => /^\d+$/.test(name) || `SIG${name}` in constants.signals

/** As the program would read it; a command that is named alone may leave its arguments out. */
function ofProgram(words: readonly string[]): string | undefined {
  const [first, ...rest] = words
  if (first === undefined || (/^--(?:help|version)$/.test(first) && rest.length === 0)) return undefined
  const named = first === 'help' ? rest : first.startsWith('-') ? [commands[0].name, ...words] : words
  const command = commands.find(({ name }) => `${named.join(' ')} `.startsWith(`${name} `))
  if (command === undefined) return `there is no command "${named[0]}"`
  if (first === 'help') return undefined
  const own = named.slice(command.name.split(' ').length)
  const problems = [own, [...own, ...command.positionals]].map((given) =>
    usageProblem(() => parseArguments(command, given)),
  )
  return problems.includes(undefined) ? undefined : problems[0]
}

function usageProblem(parse: () => unknown): string | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
}

/** `PATH` stands for any. */
function ofTests(path: string): string | undefined {
  return unless(path === 'PATH' || existsSync(join(root, path)), `there is nothing at ${path}`)
}

function ofScript(file: string, words: readonly string[]): string | undefined {
  if (!existsSync(join(root, file))) return 'there is no such file'
  const unknown = words.find((word) => word.startsWith('--') && !read(file).includes(`${word.slice(2)}: { type:`))
  return unless(unknown === undefined, `it has no option ${unknown}`)
}
