import { expect } from 'vitest'
import { type Fault, type Report, rowOf, suffer, visitors } from './fault.ts'
import { commandTimeout } from './gateways.ts'

/** Milliseconds that a busy machine may add to an answer. */
const slack = 1000

/** What holds whatever breaks. Prints a row of counts. */
export async function expectNoHarm(fault: Fault): Promise<Report> {
  const report = await suffer(fault)
  console.log(rowOf(report))
  const { tally, unexplained, unexcused, slowestRefusals, before, after } = report
  expect({ wrong: tally.wrong, unexplained, lost: unexcused }).toEqual({ wrong: [], unexplained: [], lost: [] })
  expect(tally.requests).toBeGreaterThan(200)
  // Whatever a request asks of the store, and however often.
  for (const slowest of slowestRefusals) expect(slowest).toBeLessThan(commandTimeout + slack)
  for (const [index, { memory, handles }] of after.entries()) {
    expect(memory - before[index]!.memory).toBeLessThan(100)
    // Connections of visitors and to the application are kept; those to the store are few.
    expect(handles - before[index]!.handles).toBeLessThan(2 * visitors + 20)
  }
  return report
}

/** Requests were refused, and the gateways said that they are not ready. */
export function expectOutage({ tally, unreadyAfter }: Report, gateways: readonly number[] = [0, 1]): void {
  expect(tally.refused.length).toBeGreaterThan(0)
  for (const index of gateways) expect(unreadyAfter[index]).toBeDefined()
}

/** Nobody noticed. */
export function expectNoOutage({ tally, unreadyAfter }: Report): void {
  expect(tally.refused).toEqual([])
  expect(unreadyAfter).toEqual([undefined, undefined])
}
