import type { MetricFamily } from './family.ts'
import { mergeMetrics } from './merge-metrics.ts'
import type { MetricsSnapshot } from './observability.ts'

const text = 'text/plain; version=0.0.4; charset=utf-8'
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/**
 * The metrics of all processes as one text: the Prometheus format, or OpenMetrics when `Accept` prefers it.
 *
 * @param snapshots one for each process
 */
export function renderMetrics(
  snapshots: readonly MetricsSnapshot[],
  accept: string | undefined,
): { contentType: string; body: string } {
  const families = mergeMetrics(snapshots as readonly (readonly MetricFamily[])[])
  if (!prefersOpenMetrics(accept))
    return { contentType: text, body: families.map((family) => write(family, family.name)).join('') }
  const body = families.map((family) => write(family, openMetricsName(family))).join('')
  return { contentType: openMetrics, body: `${body}# EOF\n` }
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
