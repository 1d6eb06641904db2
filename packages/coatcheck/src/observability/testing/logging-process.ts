/**
 * Writes numbered lines to standard output: `logging-process.ts COUNT HOW`.
 *
 * `exit` ends by process.exit, `end` by having nothing to do, `shared` shares the output and lets its writer work in
 * between, `report` tells on standard error how long it was held up and how much was dropped.
 */
import { createLineWriter } from '../line-writer.ts'

const [count, how] = [Number(process.argv[2]), process.argv[3]]
let dropped = 0
const writer = createLineWriter({
  output: 1,
  shared: how === 'shared',
  dropped: (lines) => {
    dropped += lines
  },
})

function write(number: number): void {
  writer.write(`${JSON.stringify({ pid: process.pid, number, padding: 'x'.repeat((number * 37) % 700) })}\n`)
}

const started = performance.now()
for (let number = 0; number < count; number++) {
  write(number)
  if (how === 'shared' && number % 50 === 0) await new Promise(setImmediate)
}
if (how === 'report') {
  // Timers run while the output is blocked.
  await new Promise((resolve) => setTimeout(resolve, 50))
  process.stderr.write(`${JSON.stringify({ lag: performance.now() - started - 50, dropped })}\n`)
}
if (how === 'exit' || how === 'report') process.exit(7)
