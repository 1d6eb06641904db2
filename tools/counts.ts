/** Counting what passed and failed, so that nothing that went wrong is missing from the count. */

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

export function summary({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`
}

/**
 * Counts from the JSON report of a Vitest run. A file that did not load has no tests, and counts as one that failed; so does
 * a run that failed although no test did (an error outside of tests, no report at all).
 */
export function countTests(report: string | undefined, succeeded: boolean): Counts {
  const { passed, failed, skipped } = report === undefined ? { passed: 0, failed: 0, skipped: 0 } : read(report)
  return { passed, failed: failed === 0 && !succeeded ? 1 : failed, skipped }
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

function read(report: string): Counts {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(report) as Report
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  return {
    passed: numPassedTests,
    failed: numFailedTests + unloaded.length,
    skipped: numPendingTests + numTodoTests,
  }
}
