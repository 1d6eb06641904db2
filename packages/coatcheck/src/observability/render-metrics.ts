import type { MetricFamily, Sample } from './family.ts'
import type { MetricsSnapshot } from './observability.ts'

const text = 'text/plain; version=0.0.4; charset=utf-8'
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/**
 * The metrics of all processes as one text: the Prometheus format, or OpenMetrics when `Accept` prefers it.
 *
 * Counters and histograms add up exactly; a gauge adds up, or takes the largest or smallest value, as its family says.
 *
 * @param snapshots one for each process; a process that did not answer is left out
 */
export function renderMetrics(
  snapshots: readonly MetricsSnapshot[],
  accept: string | undefined,
): { contentType: string; body: string } {
  const families = merge(snapshots as readonly (readonly MetricFamily[])[])
  if (!prefersOpenMetrics(accept))
    return { contentType: text, body: families.map((family) => write(family, family.name)).join('') }
  const body = families.map((family) => write(family, openMetricsName(family))).join('')
  return { contentType: openMetrics, body: `${body}# EOF\n` }
}

interface Merged {
  readonly family: MetricFamily
  /** By suffix and labels. */
  readonly values: Map<string, number>
}

function merge(snapshots: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const merged = new Map<string, Merged>()
  for (const family of snapshots.flat()) {
    const own = merged.get(family.name) ?? { family, values: new Map() }
    merged.set(family.name, own)
    for (const [suffix, labels, value] of family.samples) add(own, `${suffix}\n${labels}`, value)
  }
  return [...merged.values()].map(({ family, values }) => ({ ...family, samples: [...values].map(toSample) }))
}

function toSample([key, value]: [string, number]): Sample {
  const end = key.indexOf('\n')
  return [key.slice(0, end), key.slice(end + 1), value]
}

function add({ family, values }: Merged, key: string, value: number): void {
  const before = values.get(key)
  if (before === undefined) values.set(key, value)
  else if (family.merge === 'sum') values.set(key, before + value)
  else values.set(key, family.merge === 'max' ? Math.max(before, value) : Math.min(before, value))
}

function write({ name, help, type, samples }: MetricFamily, title: string): string {
  const lines = samples.map(
    ([suffix, labels, value]) => `${name}${suffix}${labels === '' ? '' : `{${labels}}`} ${value}\n`,
  )
  return `# HELP ${title} ${help.replace(/[\\\n]/g, ' ')}\n# TYPE ${title} ${type}\n${lines.join('')}`
}

/** OpenMetrics names a counter's family without `_total`. */
function openMetricsName({ name, type }: MetricFamily): string {
  return type === 'counter' ? name.replace(/_total$/, '') : name
}

/** RFC 9110, section 12.5.1, as far as two types need it. */
function prefersOpenMetrics(accept = ''): boolean {
  const wanted = weight(accept, 'application/openmetrics-text')
  return wanted > 0 && wanted >= weight(accept, 'text/plain')
}

function weight(accept: string, type: string): number {
  const range = accept
    .toLowerCase()
    .split(',')
    .find((part) => part.split(';')[0]!.trim() === type)
  if (range === undefined) return 0
  const q = /;\s*q=([^;]*)/.exec(range)
  return q === null ? 1 : Number(q[1])
}
