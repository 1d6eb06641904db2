import { createHash, scryptSync } from 'node:crypto'
import { check, type Dialect, hasErrors, type SourceFile, sorted, type Translation } from '@coatcheck/model'
import type { Environment } from '../secrets.ts'
import { checkCertificates } from './certificates.ts'
import { type ReadFiles, readConfigurationFiles } from './configuration-files.ts'
import type { Fingerprints } from './fingerprint.ts'
import { createLookup } from './lookup.ts'
import { checkMigrations } from './migrations.ts'
import { checkRedisStores } from './redis-stores.ts'
import { readReferences, withAbsolutePaths } from './references.ts'
import type { LoadedConfiguration, Source } from './source.ts'
import { createWatcher, type Watcher, type WatchTimes } from './watch.ts'

export interface FilesOptions {
  /** Files and folders, as the user named them; relative ones start at `cwd`. */
  readonly paths: readonly string[]
  readonly dialect: Dialect
  readonly environment: Environment
  readonly cwd: string
  /** @defaultValue 100 ms to settle, a look every 5 s */
  readonly times?: WatchTimes
}

/** A source that also shows what was read before paths were made absolute: what `translate` prints. */
export interface TranslatingSource extends Source {
  load(): Promise<TranslatedConfiguration>
}

export interface TranslatedConfiguration extends LoadedConfiguration {
  /** The translation as it was written. */
  readonly translation: Translation
}

/** Configuration in files and folders. Whatever is wrong with them is in the result; nothing is thrown. */
export function filesSource(options: FilesOptions): TranslatingSource {
  const watchers = new Set<Watcher>()
  let seen: Fingerprints = new Map()
  return {
    async load() {
      seen = new Map()
      const read = readConfigurationFiles(options.paths, options.cwd, seen)
      const loaded = loadFiles(read, options, seen)
      for (const watcher of watchers) watcher.expect(seen)
      return loaded
    },
    watch(changed) {
      const watcher = createWatcher(changed, options.times ?? { settle: 100, poll: 5000 })
      watchers.add(watcher)
      watcher.expect(seen)
      return () => {
        watchers.delete(watcher)
        watcher.stop()
      }
    },
  }
}

/** Configuration that the program wrote itself: it never changes. */
export function textSource(file: SourceFile, options: Omit<FilesOptions, 'paths' | 'times'>): TranslatingSource {
  return {
    load: async () => loadFiles({ files: [file], diagnostics: [] }, options, new Map()),
    watch: () => () => {},
  }
}

const nothing: Translation = { model: undefined, diagnostics: [], placeOf: () => undefined }

/** Translates, checks across the whole, reads what is referred to. Stops early only where more would mislead. */
function loadFiles(
  { files, diagnostics: unread }: ReadFiles,
  { dialect, environment, cwd }: Omit<FilesOptions, 'paths' | 'times'>,
  seen: Fingerprints,
): TranslatedConfiguration {
  const lookup = createLookup(files[0]?.name ?? '.', cwd, environment, seen)
  const translation = files.length === 0 ? nothing : dialect.translate(files, lookup)
  const { model: written, placeOf, leftOut } = translation
  const model = written && withAbsolutePaths(written, placeOf, cwd)
  const references = model && readReferences(model, placeOf, environment, seen)
  const certificates = model ? checkCertificates(model, { placeOf, environment, now: Date.now() }) : []
  const migrations = model ? checkMigrations(model, { placeOf, now: Date.now() }) : []
  const redis = model ? checkRedisStores(model, { placeOf, environment }) : []
  const referred = [...(references?.diagnostics ?? []), ...certificates, ...migrations, ...redis]
  // What a file that could not be read defines would be called unknown.
  const checked =
    written && unread.length === 0 ? check(model ?? written, placeOf, !hasErrors(translation.diagnostics), leftOut) : []
  return {
    model: unread.length === 0 ? model : undefined,
    translation,
    diagnostics: sorted([...unread, ...translation.diagnostics, ...checked, ...referred]),
    placeOf,
    files: files.map(({ name }) => name),
    revision: revision(JSON.stringify(written ?? null), references?.digest ?? ''),
  }
}

/** Shown in status and logs, so made slowly: a file that is hashed may hold a password that can be guessed. */
function revision(model: string, files: string): string {
  const digest = createHash('sha256').update(model).update('\0').update(files).digest()
  return scryptSync(digest, 'coatcheck revision', 6, { N: 2048 }).toString('hex')
}
