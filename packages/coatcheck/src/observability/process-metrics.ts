import type { Registry } from 'prom-client'
import type { Merge, MetricFamily, Sample } from './family.ts'

/** Where adding up says nothing. Everything else of a process is a sum over processes. */
const merges: Readonly<Record<string, Merge>> = {
  process_start_time_seconds: 'min',
  process_max_fds: 'max',
  nodejs_version_info: 'max',
}

interface Value {
  readonly value: number
  readonly labels?: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

/**
 * `process_*` and `nodejs_*` of this process, as every Prometheus client gives them. Nothing is loaded or measured
 * before somebody asks: prom-client would take a sixth of a start's time, and all of its costs where nobody ever asks.
 */
export function processMetrics(): () => Promise<MetricFamily[]> {
  let collecting: Promise<Registry> | undefined
  return async () => {
    collecting ??= collect()
    const families = ((await (await collecting).getMetricsAsJSON()) as readonly Metric[]).map(toFamily)
    return families.map(withCpuTime)
  }
}

async function collect(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client')
  const register = new Registry()
  // Milliseconds between two looks at the event loop's lag: each is a wake-up.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 })
  return register
}

/** Since the process began: prom-client counts from the moment that somebody asks first. */
const cpuSeconds: Readonly<Record<string, (usage: NodeJS.CpuUsage) => number>> = {
  process_cpu_user_seconds_total: ({ user }) => user / 1e6,
  process_cpu_system_seconds_total: ({ system }) => system / 1e6,
  process_cpu_seconds_total: ({ user, system }) => (user + system) / 1e6,
}

function withCpuTime(family: MetricFamily): MetricFamily {
  const seconds = cpuSeconds[family.name]
  return seconds === undefined ? family : { ...family, samples: [['', '', seconds(process.cpuUsage())]] }
}

/** What prom-client really gives; its declaration of `type` is wrong. */
interface Metric {
  readonly name: string
  readonly help: string
  readonly type: unknown
  readonly values: readonly Value[]
}

function toFamily({ name, help, type, values }: Metric): MetricFamily {
  return {
    name,
    help,
    type: type as MetricFamily['type'],
    merge: merges[name] ?? (name.startsWith('nodejs_eventloop_lag') ? 'max' : 'sum'),
    // Lag is not a number before it was measured.
    samples: values.filter(({ value }) => Number.isFinite(value)).map((value) => toSample(name, value)),
  }
}

function toSample(name: string, { value, labels = {}, metricName = name }: Value): Sample {
  const text = Object.entries(labels).map(([label, content]) => `${label}=${JSON.stringify(String(content))}`)
  return [metricName.slice(name.length), text.join(','), value]
}
