import { randomBytes } from 'node:crypto'
import type { GatewayModel, Secret } from '@coatcheck/model'
import { readKey, type SealingKey, SessionError } from '@coatcheck/session'
import { ProgramError } from '../errors.ts'
import { type Environment, readValue } from '../secrets.ts'
import { type KeptKeys, keptKeys } from './key-file.ts'
import type { StateFolder } from './state-folder.ts'

/** Keys for a process whose sessions end with it: made once, kept over its reloads. */
let ownKeys: readonly SealingKey[] | undefined

/**
 * The server's keyring, first one first, never empty: the configured keys; else, when a session lives longer than this
 * process, those of the state folder (made on first start); else keys of this process alone, and nothing is written.
 *
 * `told` is what the operator should read on the log, once.
 *
 * @throws ProgramError what `readValue` and `keptKeys` throw, and `key-invalid`
 */
export function serverKeys(model: GatewayModel, state: StateFolder): KeptKeys {
  if (model.keys.length > 0) return { keys: configuredKeys(model), told: undefined }
  if (outlivesProcess(model)) return keptKeys(state)
  ownKeys ??= [{ id: 'process', bytes: randomBytes(32) }]
  return { keys: ownKeys, told: undefined }
}

/** Those of the configuration. @throws ProgramError what `readValue` throws, and `key-invalid` */
export function configuredKeys({ keys }: GatewayModel, environment?: Environment): readonly SealingKey[] {
  return keys.map(({ id, value }) => parseKey(id, readValue(value, undefined, environment)))
}

/** A Redis keeps the keys of its sessions itself, since no file of this machine could be shared. */
function outlivesProcess({ sessions, stores }: GatewayModel): boolean {
  const lasting = new Set(stores.filter(({ kind }) => kind !== 'memory' && kind !== 'redis').map(({ name }) => name))
  return sessions.some(({ mode, store }) => mode !== 'off' && lasting.has(store))
}

/** @throws ProgramError `key-invalid`, never with the key */
export function parseKey(id: string, value: Secret<Buffer>): SealingKey {
  try {
    return { id, bytes: readKey(value.reveal()) }
  } catch (cause) {
    if (!(cause instanceof SessionError)) throw cause
    throw new ProgramError(
      'key-invalid',
      `The key "${id}" has ${value.reveal().length} bytes that are no key: 16 or 32 bytes, raw, or as hex or base64.`,
      'Nothing could be sealed with it.',
      'Make one with: openssl rand -base64 32',
    )
  }
}
