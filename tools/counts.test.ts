import { expect, test } from 'vitest'
import { add, countTests, summary } from './counts.ts'

const report = (changes: object) =>
  JSON.stringify({
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ status: 'passed', assertionResults: [{}, {}, {}] }],
    ...changes,
  })

test('a run counts its tests', () => {
  expect(countTests(report({}), true)).toEqual({ passed: 3, failed: 0, skipped: 0 })
  expect(countTests(report({ numFailedTests: 2, numPendingTests: 1 }), false)).toEqual({
    passed: 3,
    failed: 2,
    skipped: 1,
  })
})

test('a file that does not load counts as failed', () => {
  const testResults = [
    { status: 'failed', assertionResults: [] },
    { status: 'failed', assertionResults: [{}] },
  ]
  expect(countTests(report({ numFailedTests: 1, testResults }), false)).toMatchObject({ failed: 2 })
})

test('a run that fails without a failed test counts as one failure', () => {
  expect(countTests(report({}), false)).toMatchObject({ passed: 3, failed: 1 })
})

test('a run without a report counts as one failure', () => {
  expect(countTests(undefined, false)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('the summary is the line that others read', () => {
  const total = add({ passed: 1, failed: 0, skipped: 0 }, { passed: 2, failed: 1, skipped: 4 })
  expect(summary(total)).toBe('3 passed, 1 failed')
})
