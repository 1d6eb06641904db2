/**
 * Opens the sessions of a configuration, and their stores, for the while of a command. Loaded only by those that do.
 */
import { existsSync } from 'node:fs'
import { didYouMean, type GatewayModel, hasErrors, type SessionSpec, type StoreSpec } from '@coatcheck/model'
import { createDirectory, type SealingKey, type SessionDirectory, SessionError } from '@coatcheck/session'
import type { RedisStores } from '@coatcheck/session/stores/redis'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { createStores, databaseFile, type PreparedStores } from '../../runtime/stores/stores.ts'
import { keptKeys } from '../../state/key-file.ts'
import { configuredKeys } from '../../state/keyring.ts'
import { type StateFolder, stateFolder } from '../../state/state-folder.ts'
import { type Given, type Shell, UsageError } from '../command.ts'
import { configurationSource } from '../configuration.ts'
import { asText } from '../diagnostics.ts'

/** The sessions of one store and prefix. */
export interface NamedSessions {
  readonly name: string
  readonly prefix: string
  readonly directory: SessionDirectory
  /** Ids of keys that gateways which run know and this configuration does not: what they hashed is not found here. */
  missingKeys(): Promise<readonly string[]>
}

/**
 * Opens the stores, calls `use`, and closes them; gives the exit code. A store that fails is told on standard error.
 *
 * @throws UsageError for a session that is not there or cannot be looked into; ProgramError
 */
export async function withSessions(
  given: Given,
  shell: Shell,
  use: (sessions: readonly NamedSessions[]) => Promise<number>,
): Promise<number> {
  const { model, diagnostics } = await configurationSource(given, shell).load()
  if (model === undefined || hasErrors(diagnostics)) {
    shell.stderr(asText(diagnostics))
    return exitCodes.configuration
  }
  const specs = chosenSessions(model, given.value('session'))
  const state = stateFolder(given.value('state'), shell.environment, shell.cwd)
  const used = storesOf(specs, model)
  for (const store of used) checkFile(store, state)
  const stores = createStores(state)
  try {
    const prepared = await stores.prepare(used)
    return await use(await Promise.all(specs.map((spec) => openSessions(spec, model, prepared, state))))
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    shell.stderr(`coatcheck: ${error.message}\n`)
    return exitCodeOf(error.code)
  } finally {
    await stores.close()
  }
}

/** @throws UsageError */
function chosenSessions(model: GatewayModel, name: string | undefined): readonly SessionSpec[] {
  const running = model.sessions.filter(({ mode }) => mode !== 'off')
  const named = name === undefined ? running : running.filter((one) => one.name === name)
  if (named.length === 0 && name !== undefined) throw notThere(name, running)
  const chosen = named.filter(({ store }) => outsideOf(store, model) === undefined)
  if (chosen.length === 0) throw notToSee(named, model)
  // Two that share store and prefix share their sessions.
  return chosen.filter((spec, index) => chosen.findIndex((one) => placeOf(one) === placeOf(spec)) === index)
}

const placeOf = ({ store, prefix }: SessionSpec) => `${store}\0${prefix}`

function notThere(name: string, running: readonly SessionSpec[]): UsageError {
  const names = running.map((one) => one.name)
  return new UsageError(
    `The configuration has no session "${name}"; it has ${names.join(', ') || 'none'}.${didYouMean(name, names)}`,
  )
}

/** Why sessions cannot be seen from another process. */
function outsideOf(name: string, { stores }: GatewayModel): string | undefined {
  const kind = stores.find((store) => store.name === name)?.kind
  if (kind === 'memory') return 'lie in the memory of the gateway alone'
  return kind === 'sealed-cookie' ? 'lie in the browsers alone' : undefined
}

function notToSee(specs: readonly SessionSpec[], model: GatewayModel): UsageError {
  const reasons = specs.map(({ name, store }) => `those of "${name}" ${outsideOf(store, model)}`)
  return new UsageError(`There are no sessions to be seen from here: ${reasons.join(', ') || 'none is configured'}.`)
}

function storesOf(specs: readonly SessionSpec[], { stores }: GatewayModel): readonly StoreSpec[] {
  return stores.filter(({ name }) => specs.some(({ store }) => store === name))
}

/** A file that is not there is not made: it would belong to who looks, and not to the gateway. */
function checkFile(store: StoreSpec, state: StateFolder): void {
  if (store.kind !== 'sqlite') return
  const file = databaseFile(store, state)
  if (existsSync(file)) return
  throw new UsageError(
    `Store "${store.name}" has no file yet at "${file}". Name the folder of the gateway with --state.`,
  )
}

async function openSessions(
  spec: SessionSpec,
  model: GatewayModel,
  stores: PreparedStores,
  state: StateFolder,
): Promise<NamedSessions> {
  const { compileSealing } = await import('@coatcheck/gateway')
  const { name, prefix, timeouts } = spec
  const records = stores.records(spec.store)
  if (records === undefined) throw new Error(`store "${spec.store}" keeps no records`)
  const configured = configuredKeys(model)
  const serverKeys = configured.length > 0 ? configured : await keysOf(records, prefix, state)
  const store = 'under' in records ? records.under(prefix) : records
  const sealing = compileSealing(spec.sealing, configured)
  const directory = createDirectory({ store, prefix, timeouts, sealing, serverKeys })
  return { name, prefix, directory, missingKeys: () => missingKeys(records, prefix, serverKeys) }
}

type Records = NonNullable<ReturnType<PreparedStores['records']>>

async function missingKeys(records: Records, prefix: string, keys: readonly SealingKey[]): Promise<readonly string[]> {
  if (!('compareWithOthers' in records)) return []
  return (await (records as RedisStores).compareWithOthers(prefix, { keys })).missing
}

/** Those that the gateways share in the store, or that of this machine. */
async function keysOf(records: Records, prefix: string, state: StateFolder): Promise<readonly SealingKey[]> {
  return 'readCommonKeys' in records ? (records as RedisStores).readCommonKeys(prefix) : keptKeys(state).keys
}
