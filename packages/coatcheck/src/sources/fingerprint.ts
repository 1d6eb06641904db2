import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Paths and how each looked just before it was read. What looks otherwise later has changed, however briefly. */
export type Fingerprints = Map<string, string>

/**
 * How a path looks: a file's identity, size and times behind all links; the names in a folder that could be
 * configuration; `absent`. Cheap enough to ask every few seconds.
 */
export function fingerprint(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stat === undefined) return 'absent'
  if (stat.isDirectory()) return configurationNames(path).join('\n')
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
}

/** Names of the files in a folder that are configuration (`*.yaml`, `*.yml`, not hidden), sorted by code point. */
export function configurationNames(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^[^.].*\.ya?ml$/.test(name))
  return names.filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() ?? true).sort()
}

/** As `fingerprint`; what cannot be looked at (permissions) is a look of its own. */
export function look(path: string): string {
  try {
    return fingerprint(path)
  } catch {
    return 'unreadable'
  }
}
