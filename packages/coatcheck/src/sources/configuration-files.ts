import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Diagnostic, SourceFile } from '@coatcheck/model'
import { ProgramError, systemCode } from '../errors.ts'
import { readBounded } from '../secrets.ts'
import { configurationNames, type Fingerprints, look } from './fingerprint.ts'

/** Largest file of configuration, in bytes: some fifty thousand routes. */
export const largestConfiguration = 8 * 1024 * 1024

export interface ReadFiles {
  readonly files: readonly SourceFile[]
  /** One for each path or file that could not be read. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Reads files and folders of configuration, a folder's files (`*.yaml`, `*.yml`) in the order of their names. Files are
 * named as the user named them. Every path that was looked at is noted in `seen`, before it is read.
 */
export function readConfigurationFiles(paths: readonly string[], cwd: string, seen: Fingerprints): ReadFiles {
  const files: SourceFile[] = []
  const diagnostics: Diagnostic[] = []
  for (const name of paths.flatMap((path) => expand(path, cwd, seen, diagnostics))) {
    const file = readOne(name, resolve(cwd, name), seen)
    if ('text' in file) files.push(file)
    else diagnostics.push(file)
  }
  return { files, diagnostics }
}

/** A folder's files, or the path itself. */
function expand(path: string, cwd: string, seen: Fingerprints, diagnostics: Diagnostic[]): string[] {
  const place = resolve(cwd, path)
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory()) return [path]
  seen.set(place, look(place))
  try {
    const names = configurationNames(place)
    if (names.length === 0) diagnostics.push(emptyFolder(path))
    return names.map((name) => join(path, name))
  } catch (error) {
    diagnostics.push(unreadable(path, systemCode(error) ?? 'unknown reason'))
    return []
  }
}

function readOne(name: string, path: string, seen: Fingerprints): SourceFile | Diagnostic {
  seen.set(path, look(path))
  try {
    const bytes = readBounded(path, largestConfiguration)
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    if (!(error instanceof ProgramError)) return notText(name)
    return error.code === 'file-missing' ? missing(name) : unreadable(name, error.problem)
  }
}

const consequence = 'The gateway would not start; one that runs goes on with what it has.'

function missing(name: string): Diagnostic {
  return {
    severity: 'error',
    code: 'config-missing',
    place: undefined,
    message: `There is no configuration file "${name}".`,
    consequence,
    remedy: 'Name one with --config PATH, or start with none at all: coatcheck protect http://localhost:3000',
  }
}

function unreadable(name: string, why: string): Diagnostic {
  return {
    severity: 'error',
    code: 'config-unreadable',
    place: undefined,
    message: `The configuration "${name}" cannot be read: ${why.replace(/\.$/, '')}.`,
    consequence,
    remedy: 'Give the user that runs coatcheck a file that it can read.',
  }
}

function emptyFolder(path: string): Diagnostic {
  return {
    severity: 'error',
    code: 'config-folder-empty',
    place: undefined,
    message: `The folder "${path}" holds no file *.yaml or *.yml.`,
    consequence,
    remedy: 'Put the configuration there, or name another folder with --config PATH.',
  }
}

function notText(name: string): Diagnostic {
  return {
    severity: 'error',
    code: 'config-not-text',
    place: undefined,
    message: `The configuration "${name}" is not UTF-8 text.`,
    consequence,
    remedy: 'Save it as UTF-8.',
  }
}
