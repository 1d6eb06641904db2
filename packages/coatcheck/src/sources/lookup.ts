import { dirname, resolve } from 'node:path'
import type { Lookup } from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { type Environment, largestValue, readBounded } from '../secrets.ts'
import { type Fingerprints, look } from './fingerprint.ts'

/**
 * Answers the references of a configuration that stand for plain values. A file's value is its text less one newline at
 * the end; a relative path starts at the folder of the file that asks, else of `first`. Each file is noted in `seen`
 * before it is read.
 */
export function createLookup(first: string, cwd: string, environment: Environment, seen: Fingerprints): Lookup {
  return (reference, asking = first) => {
    if ('env' in reference) return environment[reference.env]
    const path = resolve(cwd, dirname(asking), reference.file)
    seen.set(path, look(path))
    return readText(path)
  }
}

function readText(path: string): string | undefined {
  try {
    return readBounded(path, largestValue)
      .toString('utf8')
      .replace(/\r?\n$/, '')
  } catch (error) {
    if (error instanceof ProgramError) return undefined
    throw error
  }
}
