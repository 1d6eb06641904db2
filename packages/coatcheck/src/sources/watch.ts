import { type FSWatcher, realpathSync, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { backgroundTimer, type Schedule } from '@coatcheck/session'
import { type Fingerprints, look } from './fingerprint.ts'

export interface WatchTimes {
  /** Milliseconds of quiet after which a burst of changes counts as over. */
  readonly settle: number
  /** Milliseconds between looks at everything, for file systems that do not tell. */
  readonly poll: number
}

export interface Watcher {
  /** From now on: these paths, and a call for whatever looks otherwise than noted here. */
  expect(seen: Fingerprints): void
  stop(): void
}

/** A burst never holds a change back for longer than this many times `settle`. */
const longestBurst = 10

/**
 * Calls `changed` when one of the expected paths looks otherwise, once for a burst.
 *
 * Folders are watched, not files, since editors and Kubernetes replace files by renaming: the folder of the path and
 * that of the file behind its links. What the system does not tell is seen by a look at everything now and then. Does
 * not keep the process alive.
 */
export function createWatcher(
  changed: () => void,
  { settle, poll }: WatchTimes,
  schedule: Schedule = backgroundTimer,
): Watcher {
  const folders = new Map<string, FSWatcher>()
  let expected: Fingerprints = new Map()
  let burst: { callOff: () => void; events: number } | undefined

  const compare = () => {
    burst = undefined
    const now: Fingerprints = new Map([...expected.keys()].map((path) => [path, look(path)]))
    if ([...expected].every(([path, before]) => now.get(path) === before)) return
    expected = now
    changed()
  }
  const stir = () => {
    if (burst !== undefined && burst.events >= longestBurst) return
    burst?.callOff()
    burst = { callOff: schedule(compare, settle), events: (burst?.events ?? 0) + 1 }
  }
  const lookAgain = () => {
    stopPolling = schedule(lookAgain, poll)
    compare()
  }
  let stopPolling = schedule(lookAgain, poll)
  return {
    expect(seen) {
      expected = new Map(seen)
      follow(folders, foldersOf(expected.keys()), stir)
    },
    stop() {
      stopPolling()
      burst?.callOff()
      follow(folders, new Set(), stir)
    },
  }
}

function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = new Set<string>()
  for (const path of paths) {
    folders.add(dirname(path))
    try {
      const real = realpathSync(path)
      folders.add(statSync(real).isDirectory() ? real : dirname(real))
    } catch {
      // Not there yet: its folder tells when it comes.
    }
  }
  return folders
}

/** Opens and closes until exactly these are watched; what cannot be watched is left to the polling. */
function follow(watchers: Map<string, FSWatcher>, folders: ReadonlySet<string>, stir: () => void): void {
  for (const [folder, watcher] of watchers) {
    if (folders.has(folder)) continue
    watcher.close()
    watchers.delete(folder)
  }
  for (const folder of folders) {
    if (!watchers.has(folder)) open(watchers, folder, stir)
  }
}

function open(watchers: Map<string, FSWatcher>, folder: string, stir: () => void): void {
  try {
    const watcher = watch(folder, { persistent: false }, stir)
    watcher.on('error', () => {
      watcher.close()
      watchers.delete(folder)
    })
    watchers.set(folder, watcher)
  } catch {
    // Absent, or the system's limit of watches is reached.
  }
}
