import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { systemCode } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { type Command, UsageError } from './command.ts'

const heed = `Keep it, and give it to all gateways that share sessions. A lost key is lost state: what it sealed opens for nobody, and
everybody signs in again. To change keys, put the new one last in the list of all gateways, then first, and remove the old
one when the sessions that it sealed are over.
`

export const generateKeys: Command = {
  name: 'keys generate',
  summary: 'Make a key to seal sessions with',
  positionals: [],
  about: [
    'Prints a new random key as base64 on standard output, for keys: in the configuration. A lost key is lost state:',
    'what it sealed opens for nobody, and everybody signs in again.',
  ],
  options: [
    { name: 'bits', value: 'BITS', choices: ['128', '256'], meaning: '256 (default), or 128' },
    { name: 'out', short: 'o', value: 'FILE', meaning: 'Write it there, for you alone (mode 0600); never over a file' },
  ],
  examples: [
    { line: 'coatcheck keys generate --out k1.key', meaning: 'Then write keys: { k1: { file: k1.key } }' },
    { line: 'coatcheck keys generate | vault kv put secret/coatcheck k1=-', meaning: 'Puts it where secrets are kept' },
  ],
  async run(given, shell) {
    const key = `${randomBytes(Number(given.value('bits') ?? 256) / 8).toString('base64')}\n`
    const out = given.value('out')
    if (out === undefined) shell.stdout(key)
    else write(resolve(shell.cwd, out), key)
    const named = out === undefined ? '' : `Wrote it. In the configuration: keys: { k1: { file: ${basename(out)} } }\n`
    shell.stderr(named + heed)
    return exitCodes.fine
  },
}

/** @throws UsageError when there is a file already, or none can be made */
function write(path: string, key: string): void {
  try {
    writeFileSync(path, key, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    const why = code === 'EEXIST' ? 'is there already' : `cannot be made (${code})`
    throw new UsageError(`"${path}" ${why}; nothing was written.`)
  }
}
