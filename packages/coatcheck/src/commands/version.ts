import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../exit-codes.ts'
import type { Command } from './command.ts'

export interface Version {
  /** The package's version. */
  readonly version: string
  /** Commit it was made from, 12 digits; `undefined` when nothing tells. */
  readonly revision: string | undefined
}

const packageFolder = fileURLToPath(new URL('../..', import.meta.url))

/** What runs. A published package carries its commit (`gitHead`); a checkout has it in `.git`. */
export function ownVersion(folder: string = packageFolder): Version {
  const { version, gitHead } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const revision: string | undefined = gitHead ?? checkedOut(folder)
  return { version, revision: revision?.slice(0, 12) }
}

/** Only where the package lies in our own workspace: in somebody's `node_modules` the commit would be theirs. */
function checkedOut(folder: string): string | undefined {
  const packages = dirname(join(folder, 'package.json'))
  const git = join(packages, '..', '..', '.git')
  if (basename(dirname(packages)) !== 'packages' || !existsSync(join(git, 'HEAD'))) return undefined
  const head = readFileSync(join(git, 'HEAD'), 'utf8').trim()
  const ref = /^ref: (.+)$/.exec(head)?.[1]
  if (ref === undefined) return head
  if (existsSync(join(git, ref))) return readFileSync(join(git, ref), 'utf8').trim()
  if (!existsSync(join(git, 'packed-refs'))) return undefined
  const packed = readFileSync(join(git, 'packed-refs'), 'utf8').split('\n')
  return packed.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0]
}

export const version: Command = {
  name: 'version',
  summary: 'Print the version, its commit and the Node that runs it',
  positionals: [],
  about: ['Prints one line, or JSON with --format json.'],
  options: [{ name: 'format', value: 'FORMAT', choices: ['text', 'json'], meaning: 'text (default) or json' }],
  examples: [{ line: 'coatcheck version', meaning: 'What to put into a bug report' }],
  async run(given, shell) {
    const own = { ...ownVersion(), node: process.version, platform: `${process.platform}-${process.arch}` }
    const details = [...(own.revision ? [`revision ${own.revision}`] : []), `node ${own.node}`, own.platform]
    const line = `coatcheck ${own.version} (${details.join(', ')})`
    shell.stdout(`${given.value('format') === 'json' ? JSON.stringify(own) : line}\n`)
    return exitCodes.fine
  },
}
