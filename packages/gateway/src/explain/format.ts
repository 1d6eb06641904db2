import type { Candidate } from './candidates.ts'
import type { Explanation, UpstreamView } from './explain.ts'

/** Nearer matches that are shown one by one; where there are more, those of another path are only counted. */
const mostShown = 20

/** An explanation as text for a terminal, without escape sequences; ends with a line feed. */
export function formatExplanation(explanation: Explanation): string {
  const { method, url, listener, path, refused, steps, upstream } = explanation
  return [
    `${method} ${url}`,
    `Through listener "${listener.name}" (${listener.is}): ${listener.reason}`,
    ...(path === undefined ? [] : [`Routed by path ${printable(path)}`]),
    ...formatCandidates(explanation),
    ...(refused === undefined ? [] : ['', `Answer: ${refused.status} ${refused.code}: ${printable(refused.message)}`]),
    ...(steps.length === 0 ? [] : ['', 'The chain, in its order:']),
    ...steps.map(({ kind, does }) => `  ${kind.padEnd(8)} ${printable(does)}`),
    ...(upstream === undefined ? [] : formatUpstream(upstream)),
    '',
  ].join('\n')
}

function formatCandidates({ candidates, lower, route }: Explanation): string[] {
  const nearer = candidates.filter(({ reason }) => reason !== undefined)
  const shown =
    nearer.length <= mostShown ? nearer : nearer.filter(({ reason }) => !isElsewhere(reason!)).slice(0, mostShown)
  const left = nearer.length - shown.length
  const taken = candidates.find(({ reason }) => reason === undefined)
  return [
    ...(nearer.length === 0 ? [] : ['', 'Tried before:']),
    ...shown.map((candidate) => `  ${line(candidate)}: ${printable(candidate.reason!)}`),
    ...(left === 0 ? [] : [`  and ${left} more, for other listeners, hosts and paths`]),
    '',
    route === undefined || taken === undefined ? 'Route: none' : `Route: ${line(taken)}`,
    ...(lower.length === 0 ? [] : ['', 'Would take it too, but comes later:']),
    ...lower.slice(0, mostShown).map((candidate) => `  ${line(candidate)}: ${candidate.reason}`),
    ...(lower.length <= mostShown ? [] : [`  and ${lower.length - mostShown} more`]),
  ]
}

const isElsewhere = (reason: string) => /^the (?:listener|host|path) is/.test(reason)

function line({ route, match }: Candidate): string {
  return `"${route}" (${match})`
}

function formatUpstream({ name, urls, method, target, headers }: UpstreamView): string[] {
  return [
    '',
    `Upstream "${name}" (${[...new Set(urls)].join(', ')}) would get, once all of this lets the request through:`,
    `  ${method} ${target}`,
    ...headers.map(([header, value]) => `  ${header}: ${printable(value)}`),
  ]
}

/** What came from outside cannot move the cursor. */
function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, '?')
}
