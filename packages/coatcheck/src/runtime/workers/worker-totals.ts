/**
 * Metrics of workers over their lives, so that what is counted never falls: of a worker that is slow the last that it
 * told stands, and what one that ended had counted stays for good.
 *
 * Lost is only what a worker counted between the last that it told and a death without warning (`kill -9`): a worker
 * tells when it is asked for a scrape, when it stops, when an error ends it, and every 10 seconds besides.
 */
import type { GatewayModel } from '@coatcheck/model'
import type { MetricFamily } from '../../observability/family.ts'
import { areNamed, namesOf } from '../../observability/label-values.ts'
import { mergeMetrics } from '../../observability/merge-metrics.ts'
import type { MetricsSnapshot } from '../../observability/observability.ts'

export interface WorkerTotals {
  /** One more worker. */
  join(): WorkerShare
  /** Series of names that a new model no longer has go. */
  configured(model: GatewayModel): void
  /** What all workers, also those that ended, have counted, and what those that live measure. */
  snapshots(): MetricsSnapshot[]
}

/** The part of one worker. */
export interface WorkerShare {
  /** The newest that it told; families that are not in it stay as it told them before. */
  told(snapshot: MetricsSnapshot): void
  /** Nothing more will come from it. */
  ended(): void
}

type Families = ReadonlyMap<string, MetricFamily>

export function createWorkerTotals(): WorkerTotals {
  const living = new Map<WorkerShare, Families>()
  let ended: readonly MetricFamily[] = []

  function join(): WorkerShare {
    const share: WorkerShare = {
      told(snapshot) {
        const before = living.get(share)
        if (before !== undefined) living.set(share, new Map([...before, ...byName(snapshot)]))
      },
      ended() {
        const last = living.get(share)
        if (last === undefined) return
        living.delete(share)
        ended = mergeMetrics([ended, [...last.values()].filter(isCounted)])
      },
    }
    living.set(share, new Map())
    return share
  }

  return {
    join,
    configured(model) {
      const names = namesOf(model)
      const keep = (family: MetricFamily): MetricFamily => ({
        ...family,
        samples: family.samples.filter(([, labels]) => areNamed(labels, names)),
      })
      ended = ended.map(keep)
      for (const [share, families] of living) living.set(share, byName([...families.values()].map(keep)))
    },
    snapshots: () => [ended, ...[...living.values()].map((families) => [...families.values()])],
  }
}

function byName(snapshot: MetricsSnapshot): Families {
  return new Map((snapshot as readonly MetricFamily[]).map((family) => [family.name, family]))
}

/** A gauge says how things are: of a process that is gone they are no more. */
function isCounted({ type }: MetricFamily): boolean {
  return type !== 'gauge'
}
