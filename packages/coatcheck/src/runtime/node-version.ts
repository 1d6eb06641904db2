import type { Diagnostic } from '@coatcheck/model'

/**
 * Below these, Node has known holes that a client can reach. Lines that are not named are younger than the last one.
 */
const floors: readonly (readonly [major: number, minor: number, patch: number])[] = [
  [24, 22, 1],
  [26, 12, 1],
]

/** A warning when this Node has holes that its newer releases closed; `undefined` for one that is new enough. */
export function nodeWarning(version: string): Diagnostic | undefined {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number)
  const floor = floors.find(([line]) => line >= major)
  if (floor === undefined) return undefined
  const enough = major === floor[0] && (minor > floor[1] || (minor === floor[1] && patch >= floor[2]))
  if (enough) return undefined
  return {
    severity: 'warning',
    code: 'node-outdated',
    place: undefined,
    message: `This is Node ${major}.${minor}.${patch}, which has known security holes.`,
    consequence: 'Some of them can be reached by anybody who can send a request.',
    remedy: `Run Coatcheck on Node ${floors.map((one) => one.join('.')).join(' or ')}, or newer.`,
  }
}
