/** One visitor's session during one request. Changes are kept as operations, so that they can be applied again. */
import type {
  Commit,
  EndReason,
  JsonObject,
  JsonValue,
  Session,
  SessionData,
  SessionObserver,
  SessionState,
  SignInOptions,
} from './api.ts'
import { SessionError } from './errors.ts'
import { checkObject, invalid, shown } from './invalid-option.ts'
import { copyJson } from './json.ts'
import { members } from './members.ts'
import {
  applyChanges,
  type Changes,
  type Saved,
  type SessionStore,
  type StoredSession,
  type Timeouts,
  type Visitor,
} from './session-store.ts'
import type { SessionId } from './store.ts'
import { newId } from './ticket.ts'
import { attachCommit } from './unknown-outcome.ts'

/** What a session needs of its manager. */
export interface SessionHost {
  readonly store: SessionStore
  readonly timeouts: Timeouts
  readonly clock: () => number
  readonly observer: SessionObserver
  /**
   * What to tell the browser: to hold this value, or none when it is `undefined`.
   *
   * @param remaining milliseconds that the session can last
   * @param present which of our cookies came
   */
  tell(value: string | undefined, remaining: number, present: number): Commit
}

/** A session that was started in this request and is not written yet. */
interface Started {
  readonly id: SessionId
  readonly createdAt: number
}

const nothingToTell: Commit = { setCookie: [], ticket: undefined }
const nothingToDo: Promise<Commit> = Promise.resolve(nothingToTell)
const noData: SessionData = Object.freeze({})
const nothingUnseen: readonly string[] = []
const noValues: ReadonlyMap<string, JsonValue | undefined> = new Map()

/**
 * `doubled`: several of what came may be good, so nothing is started in their place but by what the visitor does (rule 8).
 * `waited`: milliseconds that the store took to open it. `unseen`: values that came and of which the store has nothing.
 *
 * A class, since one is made for every request: its methods are shared, a closure per method would not be.
 */
export class OpenedSession<Data extends JsonObject<Data>> implements Session<Data> {
  readonly #host: SessionHost
  readonly #visitor: Visitor
  readonly #present: number
  readonly #doubled: boolean
  readonly #waited: number
  readonly #unseen: readonly string[]
  #state: SessionState
  /** Kept when the session ended, so that the log can say which one and whose. */
  #stored: StoredSession | undefined
  #started: Started | undefined
  #values: Map<string, JsonValue | undefined> | undefined
  #subject: string | undefined
  #providerSession: string | undefined
  #rotate = false
  #endReason: EndReason | undefined
  #view: SessionData | undefined
  #committed: Promise<Commit> | undefined

  constructor(
    host: SessionHost,
    state: 'none' | 'open' | 'refused',
    stored: StoredSession | undefined,
    visitor: Visitor,
    present: number,
    doubled = false,
    waited = 0,
    unseen = nothingUnseen,
  ) {
    this.#host = host
    this.#state = state
    this.#stored = stored
    this.#visitor = visitor
    this.#present = present
    this.#doubled = doubled
    this.#waited = waited
    this.#unseen = unseen
  }

  get state(): SessionState {
    return this.#state
  }
  get isNew(): boolean {
    return this.#started !== undefined
  }
  get id(): SessionId | undefined {
    return this.#stored?.id ?? this.#started?.id
  }
  get createdAt(): number | undefined {
    return this.#stored?.createdAt ?? this.#started?.createdAt
  }
  get subject(): string | undefined {
    return this.#subject ?? this.#stored?.subject
  }
  get expiresIn(): number | undefined {
    const { createdAt } = this
    if (createdAt === undefined || this.#state !== 'open') return undefined
    const { idle, lifetime } = this.#host.timeouts
    return Math.max(0, Math.floor(Math.min(idle, createdAt + lifetime - this.#host.clock()) / 1000))
  }
  get data(): Readonly<Partial<Data>> {
    if (this.#state !== 'open') return noData as Readonly<Partial<Data>>
    this.#view ??= this.#hasChanges() ? applyChanges(this.#stored, this.#changes()) : (this.#stored?.data ?? noData)
    return this.#view as Readonly<Partial<Data>>
  }

  get<K extends keyof Data & string>(key: K): Data[K] | undefined {
    const { data } = this
    return Object.hasOwn(data, key) ? data[key] : undefined
  }
  set<K extends keyof Data & string>(key: K, value: Exclude<Data[K], undefined>): void {
    this.#refuseAfterCommit('set')
    checkKey('set', key)
    const copied = copyJson(key, value)
    this.#begin()
    if (this.#state === 'open') this.#change(key, copied)
  }
  delete(key: keyof Data & string): void {
    this.#refuseAfterCommit('delete')
    checkKey('delete', key)
    if (this.#state === 'open') this.#change(key, undefined)
  }
  start(): void {
    this.#refuseAfterCommit('start')
    if (!this.#doubled) this.#begin()
  }
  signIn(subject: string, options: SignInOptions = {}): void {
    this.#refuseAfterCommit('signIn')
    if (typeof subject !== 'string' || subject === '') throw invalid(noSubject)
    checkObject('signIn: the options', options, signInOptions)
    const { providerSession } = options
    if (providerSession !== undefined && !isProviderSession(providerSession)) throw invalid(noProviderSession)
    this.#begin()
    if (this.#state !== 'open') return
    // What was set for somebody else goes with the rest of their data.
    if (this.subject !== undefined && this.subject !== subject) this.#values = undefined
    this.#subject = subject
    this.#providerSession = providerSession
    this.#view = undefined
  }
  rotate(): void {
    this.#refuseAfterCommit('rotate')
    if (this.#state === 'open') this.#rotate = true
  }
  end(reason: EndReason = 'sign_out'): void {
    this.#refuseAfterCommit('end')
    if (!endReasons.has(reason)) throw invalid(noReason(reason))
    if (this.#state !== 'open' && !this.#mayBeUnseen()) return
    this.#state = 'ended'
    this.#endReason = reason
    this.#started = undefined
    this.#drop()
  }

  commit(): Promise<Commit> {
    this.#committed ??= this.#commitOnce()
    return this.#committed
  }

  #begin(): void {
    if (this.#state !== 'none') return
    this.#started = { id: newId(), createdAt: this.#host.clock() }
    this.#state = 'open'
  }

  #change(key: string, value: JsonValue | undefined): void {
    this.#values ??= new Map()
    this.#values.set(key, value)
    this.#view = undefined
  }

  #refuseAfterCommit(method: string): void {
    if (this.#committed === undefined) return
    throw invalid(`${method}: the session was committed already, so this would be lost. Change it before commit().`)
  }

  #hasChanges(): boolean {
    return this.#values !== undefined || this.#subject !== undefined
  }

  #changes(): Changes {
    return {
      values: this.#values ?? noValues,
      subject: this.#subject,
      providerSession: this.#providerSession,
      rotate: this.#rotate,
    }
  }

  #drop(): void {
    this.#values = undefined
    this.#subject = undefined
    this.#providerSession = undefined
    this.#rotate = false
    this.#view = undefined
  }

  /** Without work, and without a promise of its own, when nothing is to be done: nearly every request. */
  #commitOnce(): Promise<Commit> {
    if (this.#state === 'ended') return this.#commitEnd()
    if (this.#state !== 'open') return nothingToDo
    const now = this.#host.clock()
    const stored = this.#stored
    if (stored === undefined) return this.#commitNew(now)
    if (!this.#hasChanges() && !this.#rotate && !this.#host.store.use(stored, now)) return nothingToDo
    return this.#commitChanges(stored, now)
  }

  #mayBeUnseen(): boolean {
    return this.#state === 'none' && this.#unseen.length > 0
  }

  #commitEnd(): Promise<Commit> {
    if (this.#stored !== undefined) return this.#commitEndOf(this.#stored)
    return this.#unseen.length > 0 ? this.#commitEndUnseen() : nothingToDo
  }

  async #commitEndUnseen(): Promise<Commit> {
    const { store, tell } = this.#host
    await Promise.all(this.#unseen.map((value) => store.endUnseen(value, this.#waited)))
    return tell(undefined, 0, this.#present)
  }

  async #commitEndOf(stored: StoredSession): Promise<Commit> {
    const { store, tell } = this.#host
    await store.end(stored, this.#waited).catch((error: unknown) => {
      throw isUnconfirmed(error) ? attachCommit(error, tell(undefined, 0, this.#present)) : error
    })
    this.#host.observer.ended?.(this.#endReason ?? 'sign_out')
    return this.#host.tell(undefined, 0, this.#present)
  }

  async #commitNew(now: number): Promise<Commit> {
    const { store, observer } = this.#host
    const saved = await store.create(this.id!, this.#changes(), this.#visitor, now, this.#waited)
    if (saved.kind === 'saved') observer.created?.()
    if (saved.kind === 'lost') this.#started = undefined
    return this.#accept(saved, now)
  }

  async #commitChanges(stored: StoredSession, now: number): Promise<Commit> {
    const saved = await this.#host.store.save(stored, this.#changes(), now, this.#waited)
    if (saved.kind === 'saved' && saved.rotated) this.#host.observer.rotated?.()
    return this.#accept(saved, now)
  }

  #accept(saved: Saved, now: number): Commit {
    this.#drop()
    if (saved.kind === 'lost') {
      this.#state = saved.state
      if (saved.state === 'refused') this.#stored = undefined
      return nothingToTell
    }
    if (saved.kind === 'uncertain') throw attachCommit(saved.error, this.#tell(saved.value, saved.createdAt, now))
    this.#stored = saved.session
    if (saved.value === undefined) return nothingToTell
    return this.#tell(saved.value, saved.session.createdAt, now)
  }

  #tell(value: string, createdAt: number, now: number): Commit {
    return this.#host.tell(value, createdAt + this.#host.timeouts.lifetime - now, this.#present)
  }
}

/** It ended here, so that the ticket is good for nothing: the browser is told, with the answer that tells of the failure. */
function isUnconfirmed(error: unknown): error is SessionError {
  return error instanceof SessionError && error.unconfirmed
}

function checkKey(method: string, key: unknown): void {
  if (typeof key === 'string') return
  throw invalid(
    `${method}: the key is ${shown(key)}, which names nothing in JSON. The session is as before. Give text.`,
  )
}

/** A closed set, since it labels metrics. */
const endReasons: ReadonlySet<unknown> = new Set(
  members<EndReason>({ idle: true, lifetime: true, sign_out: true, revoked: true, provider: true }),
)
const noReason = (reason: unknown) =>
  `end: ${shown(reason)} is no reason, so nobody could count it. The session is as before. Give one of ` +
  `${[...endReasons].join(', ')}, or none for sign_out.`

const signInOptions = members<keyof SignInOptions>({ providerSession: true })

function isProviderSession(name: unknown): boolean {
  return typeof name === 'string' && name.length <= 256
}

const noProviderSession =
  'signIn: the name of the provider’s session is no text of up to 256 characters, so the session could not be found by it. ' +
  'Nobody was signed in. Give the name as the provider tells it, or leave it out.'

const noSubject =
  'signIn: the subject is empty or no text, so nobody would be signed in. Give a name of the person as your application ' +
  'knows them, as text.'
