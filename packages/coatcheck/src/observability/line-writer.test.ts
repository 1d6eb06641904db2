import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { createMovedClock, type MovedClock } from '../testing/moved-clock.ts'
import { createLineWriter, type LineWriterOptions } from './line-writer.ts'
import type { Output } from './output.ts'

let clock: MovedClock
beforeEach(() => {
  clock = createMovedClock()
})
const writing = (options: LineWriterOptions) => createLineWriter({ schedule: clock.schedule, ...options })

type Answer = number | 'EAGAIN' | 'EPIPE' | 'ENOSPC'

/** An output that takes what its script says, and everything once the script is over. */
function scripted(script: Answer[] = []): Output & { readonly writes: string[]; readonly text: string } {
  const writes: string[] = []
  return {
    writes,
    get text() {
      return writes.join('')
    },
    write(bytes) {
      const answer = script.shift() ?? bytes.length
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
      const taken = bytes.subarray(0, answer)
      writes.push(taken.toString())
      return taken.length
    },
  }
}

test('lines wait for each other, at most 100 ms', () => {
  const output = scripted()
  const writer = writing({ output })
  writer.write('a\n')
  clock.move(60)
  writer.write('b\n')
  expect(output.writes).toEqual([])
  clock.move(40)
  expect(output.writes).toEqual(['a\nb\n'])
})

test('without delay a line is out at once', () => {
  const output = scripted()
  writing({ output, delay: 0 }).write('a\n')
  expect(output.writes).toEqual(['a\n'])
})

test('64 KB do not wait', () => {
  const output = scripted()
  const writer = writing({ output })
  const line = `${'x'.repeat(999)}\n`
  for (let count = 0; count < 70; count++) writer.write(line)
  expect(output.text.length).toBeGreaterThanOrEqual(65_536)
})

test('what a full output did not take is tried again, in order', () => {
  const output = scripted(['EAGAIN', 3, 'EAGAIN', 'EAGAIN'])
  const writer = writing({ output, delay: 0 })
  writer.write('first\n')
  writer.write('second\n')
  clock.move(1000)
  expect(output.text).toBe('first\nsecond\n')
})

test('a full output is tried at most every 100 ms, however much is logged', () => {
  let tries = 0
  const full: Output = {
    write() {
      tries++
      throw Object.assign(new Error('full'), { code: 'EAGAIN' })
    },
  }
  const writer = writing({ output: full, delay: 0 })
  for (let time = 0; time < 10_000; time += 10) {
    writer.write('x\n')
    clock.move(10)
  }
  expect(tries).toBeLessThan(120)
})

test('what is above the bound is dropped and counted; what is below it is kept', () => {
  let lost = 0
  const output = scripted(['EAGAIN'])
  const writer = writing({
    output,
    delay: 0,
    maxBuffered: 100,
    dropped: (lines) => {
      lost += lines
    },
  })
  for (let count = 0; count < 30; count++) writer.write(`line ${String(count).padStart(4, '0')}\n`)
  expect(lost).toBe(20)
  clock.move(1000)
  expect(output.text.split('\n')).toHaveLength(11)
  writer.write('afterwards\n')
  clock.move(1000)
  expect(output.text.endsWith('afterwards\n')).toBe(true)
})

test('a failure loses the lines of that write alone, and counts them', () => {
  let lost = 0
  const output = scripted(['EPIPE'])
  const writer = writing({
    output,
    dropped: (lines) => {
      lost += lines
    },
  })
  writer.write('a\n')
  writer.write('b\n')
  clock.move(100)
  writer.write('c\n')
  clock.move(100)
  expect(lost).toBe(2)
  expect(output.text).toBe('c\n')
})

test('a line that a failure cut does not swallow the next one', () => {
  let lost = 0
  const output = scripted([2, 'ENOSPC', 'ENOSPC'])
  const writer = writing({
    output,
    dropped: (lines) => {
      lost += lines
    },
  })
  for (const line of ['first\n', 'second\n', 'third\n']) {
    writer.write(line)
    clock.move(100)
  }
  expect(output.text).toBe('fi\nthird\n')
  expect(lost).toBe(2)
})

test('shared: no write is longer than PIPE_BUF or ends inside of a line', () => {
  const output = scripted()
  let lost = 0
  const writer = writing({
    output,
    shared: true,
    dropped: (lines) => {
      lost += lines
    },
  })
  for (let count = 1; count < 200; count++) writer.write(`${'é'.repeat(count * 11)}\n`)
  clock.move(200)
  expect(output.writes.every((text) => Buffer.byteLength(text) <= 4096 && text.endsWith('\n'))).toBe(true)
  expect(lost).toBe(199 - Math.floor(4095 / 22))
})

test('flush() resolves when all is out', async () => {
  const output = scripted(['EAGAIN', 'EAGAIN'])
  const writer = writing({ output })
  writer.write('a\n')
  const flushed = writer.flush()
  clock.move(10)
  await flushed
  expect(output.text).toBe('a\n')
  await writer.flush()
})

test('flush() gives up on an output that takes nothing', async () => {
  const output = scripted(new Array(1000).fill('EAGAIN'))
  const writer = writing({ output })
  writer.write('a\n')
  const flushed = writer.flush(500)
  clock.move(500)
  await flushed
  expect(output.text).toBe('')
})

test('whatever an output does, every line is whole, in order, or counted as lost', () => {
  const answer = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom<Answer[]>('EAGAIN', 'EPIPE', 'ENOSPC'))
  const lines = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 40 })
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 60 }), lines, (script, input) => {
      const output = scripted(script.map((each) => (each === 0 ? 1 : each)))
      let lost = 0
      const writer = writing({
        output,
        dropped: (count) => {
          lost += count
        },
      })
      const numbered = input.map((text, at) => `<${at}${text}>`)
      for (const line of numbered) {
        writer.write(`${line}\n`)
        clock.move(7)
      }
      clock.move(10_000)
      const whole = output.text.split('\n').filter((line) => line.startsWith('<') && line.endsWith('>'))
      expect(whole).toEqual(numbered.filter((line) => whole.includes(line)))
      // A line of which the newline alone was lost is whole, and counted all the same.
      const failures = script.filter((each) => each === 'EPIPE' || each === 'ENOSPC').length
      expect(numbered.length - whole.length).toBeLessThanOrEqual(lost)
      expect(whole.length + lost - numbered.length).toBeLessThanOrEqual(failures)
    }),
  )
})
