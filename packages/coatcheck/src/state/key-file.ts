/** The key that the program makes for itself: one file in the state folder, the same for all who start at once. */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { readKey, type SealingKey } from '@coatcheck/session'
import { ProgramError, systemCode } from '../errors.ts'
import type { StateFolder } from './state-folder.ts'

export const keyFileName = 'server-keys'

const heading = `# Keys of this Coatcheck gateway, one a line: id and key. The first one writes, all of them read.
# Whoever has this file and the store can read sessions. Without it they are lost: everybody signs in again.
`
const largestFile = 64 * 1024

export interface KeptKeys {
  readonly keys: readonly SealingKey[]
  /** What the operator is to be told; `undefined` when there is nothing new. */
  readonly told: string | undefined
}

/**
 * Reads the key file of the state folder; makes it (mode 0600, one key of 32 bytes) when there is none.
 *
 * Whoever comes first makes it whole or not at all, and everybody reads what that one made. A file that is there is
 * never replaced.
 *
 * @throws ProgramError `key-file-damaged`, `key-file-unreadable`, `state-folder-unusable`
 */
export function keptKeys(state: StateFolder): KeptKeys {
  const path = join(state.path, keyFileName)
  const found = readFile(path)
  if (found !== undefined) return { keys: parseKeyFile(found, path), told: tooOpen(path) }
  const made = makeKeyFile(state.make(), path)
  const keys = parseKeyFile(readFile(path) ?? '', path)
  return { keys, told: made ? `Made a server key in "${path}". Keep it: sessions do not open without it.` : undefined }
}

function readFile(path: string): string | undefined {
  try {
    if (statSync(path).size > largestFile) throw damaged(path, 'it is far too long')
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof ProgramError) throw error
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(path, error)
  }
}

/** True when it was made here, false when another was faster. A hard link appears whole and never replaces a file. */
function makeKeyFile(folder: string, path: string): boolean {
  const draft = join(folder, `${keyFileName}.${randomBytes(8).toString('hex')}`)
  try {
    writeDraft(draft, `${heading}k${randomBytes(4).toString('hex')} ${randomBytes(32).toString('base64')}\n`)
    linkSync(draft, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw unwritable(folder, error)
  } finally {
    rmSync(draft, { force: true })
  }
}

function writeDraft(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** @throws ProgramError `key-file-damaged` */
export function parseKeyFile(text: string, path: string): SealingKey[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const keys = lines.map((line, index) => parseLine(line) ?? fail(path, `key ${index + 1} is not an id and a key`))
  if (keys.length === 0) throw damaged(path, 'it holds no key')
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw damaged(path, 'a key id is in it twice')
  return keys
}

function parseLine(line: string): SealingKey | undefined {
  const [, id, text] = /^([A-Za-z0-9_-]{1,32}) (\S+)$/.exec(line) ?? []
  if (id === undefined || text === undefined) return undefined
  try {
    return { id, bytes: readKey(text) }
  } catch {
    return undefined
  }
}

function tooOpen(path: string): string | undefined {
  if (process.platform === 'win32' || (statSync(path).mode & 0o007) === 0) return undefined
  return `Every user of this machine can read the server keys in "${path}". Close it with: chmod 600 ${path}`
}

function fail(path: string, why: string): never {
  throw damaged(path, why)
}

function damaged(path: string, why: string): ProgramError {
  return new ProgramError(
    'key-file-damaged',
    `The key file "${path}" is damaged: ${why}.`,
    'A new key in its place would end every session that the old one sealed.',
    'Put it back from a backup, or delete it to start anew without those sessions.',
  )
}

function unreadable(path: string, cause: unknown): ProgramError {
  return new ProgramError(
    'key-file-unreadable',
    `The key file "${path}" cannot be read: ${systemCode(cause) ?? 'unknown reason'}.`,
    'Sessions that it sealed would not open.',
    'Give it to the user that runs coatcheck, with mode 0600.',
    { cause },
  )
}

function unwritable(folder: string, cause: unknown): ProgramError {
  return new ProgramError(
    'state-folder-unusable',
    `No key can be made in the state folder "${folder}": ${systemCode(cause) ?? 'unknown reason'}.`,
    'Sessions would not outlive this process.',
    'Name a folder that can be written with --state DIR or COATCHECK_STATE, or write keys under "keys:".',
    { cause },
  )
}
