/** What a model refers to: certificates, keys and passwords in files and in the environment. */
import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import type { Diagnostic, GatewayModel, PlaceOf, Secret, ValueSource } from '@coatcheck/model'
import { ProgramError } from '../errors.ts'
import { type Environment, readValue } from '../secrets.ts'
import { parseKey } from '../state/keyring.ts'
import { type Fingerprints, look } from './fingerprint.ts'

/**
 * The model with every path of a `ValueSource` absolute, so that it means the same in any process. A relative path
 * starts at the folder of the file that names it.
 */
export function withAbsolutePaths(model: GatewayModel, placeOf: PlaceOf, cwd: string): GatewayModel {
  return mapValueSources(model, '', (source, pointer) => {
    if (source.from !== 'file') return source
    return { from: 'file', path: resolve(cwd, dirname(placeOf(pointer)?.file ?? '.'), source.path) }
  }) as GatewayModel
}

export interface ReadReferences {
  /** One for each value that is not there, and each key that is none. */
  readonly diagnostics: readonly Diagnostic[]
  /** Hash over all that lies in files. */
  readonly digest: string
}

/** Reads whatever a model with absolute paths refers to, and notes each file in `seen` before it is read. */
export function readReferences(
  model: GatewayModel,
  placeOf: PlaceOf,
  environment: Environment,
  seen: Fingerprints,
): ReadReferences {
  const diagnostics: Diagnostic[] = []
  const hash = createHash('sha256')
  mapValueSources(model, '', (source, pointer) => {
    if (source.from === 'file') seen.set(source.path, look(source.path))
    try {
      const value = readValue(source, '/', environment)
      if (source.from === 'file') hash.update(`${pointer}\0`).update(value.reveal())
      const [, key] = /^\/keys\/(\d+)\/value$/.exec(pointer) ?? []
      if (key !== undefined) parseKey(model.keys[Number(key)]!.id, value)
      const problem = textProblem(pointer, source, value)
      if (problem !== undefined) diagnostics.push({ severity: 'error', place: placeOf(pointer), ...problem })
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error
      diagnostics.push(asDiagnostic(error, placeOf(pointer)))
    }
    return source
  })
  return { diagnostics, digest: hash.digest('hex') }
}

const inMatch = /^\/routes\/\d+\/matches\/\d+\/(?:headers|query)\/\d+\/value$/
const inHeader =
  /^\/routes\/\d+\/(?:middleware\/\d+\/(?:request|response)\/(?:set|add)|matches\/\d+\/headers)\/\d+\/value$/

/**
 * What is wrong with a value that is sent in a header, or compared with what requests bring; never the value itself.
 */
function textProblem(
  pointer: string,
  source: ValueSource,
  value: Secret<Buffer>,
): Omit<Diagnostic, 'severity' | 'place'> | undefined {
  if (!inHeader.test(pointer) && !inMatch.test(pointer)) return undefined
  const text = value
    .reveal()
    .toString('latin1')
    .replace(/\r?\n$/, '')
  const what = source.from === 'file' ? `The file "${source.path}"` : 'The value'
  if (text === '') return { code: 'value-missing', message: `${what} is empty.`, ...withoutText }
  if (!inHeader.test(pointer) || !/[\0-\x1f\x7f]/.test(text)) return undefined
  return { code: 'header-value-invalid', message: `${what} holds a control character.`, ...withControl }
}

const withoutText = {
  consequence: 'Something would have been sent, or compared, that says nothing.',
  remedy: 'Write the value into it, or remove the header.',
}
const withControl = {
  consequence: 'It could begin another header.',
  remedy: 'Let it hold the value alone, on one line.',
}

/** A copy of plain data in which each `ValueSource`, wherever it stands, is replaced. */
function mapValueSources(
  node: unknown,
  pointer: string,
  replace: (source: ValueSource, pointer: string) => ValueSource,
): unknown {
  if (typeof node !== 'object' || node === null) return node
  if (isValueSource(node)) return replace(node, pointer)
  if (Array.isArray(node)) return node.map((item, index) => mapValueSources(item, `${pointer}/${index}`, replace))
  const entries = Object.entries(node)
  return Object.fromEntries(entries.map(([key, item]) => [key, mapValueSources(item, `${pointer}/${key}`, replace)]))
}

/** Only a `ValueSource` has a `from` that is one of these words. */
function isValueSource(node: object): node is ValueSource {
  return 'from' in node && (node.from === 'file' || node.from === 'env' || node.from === 'value')
}

/** The same problem with a place. */
export function asDiagnostic(error: ProgramError, place: Diagnostic['place']): Diagnostic {
  const { code, problem, consequence, remedy } = error
  return { severity: 'error', code, place, message: problem, consequence, remedy }
}
