import { expect, test } from 'vitest'
import type { HeaderList } from '../headers.ts'
import { clientGone } from './failures.ts'
import { ResponseBody } from './response-body.ts'

/** A body with a log of all that its connection and its sink are told. */
function stage(takes: (chunk: string) => boolean = () => true) {
  const log: string[] = []
  const body = new ResponseBody({ resume: () => void log.push('resume'), cancel: () => void log.push('cancel') })
  const sink = {
    write: (chunk: Buffer) => {
      log.push(chunk.toString())
      return takes(chunk.toString())
    },
    drained: () => {},
    end: (trailers: HeaderList | undefined) => void log.push(`end ${trailers ?? ''}`),
    fail: (error: Error) => void log.push(`fail ${error.message.slice(0, 10)}`),
  }
  const push = (...chunks: string[]) => {
    for (const chunk of chunks) body.push(Buffer.from(chunk))
  }
  return { body, sink, log, push }
}

test('nothing flows before pipe(), and then all that is there', () => {
  const { body, sink, log, push } = stage()
  push('a', 'b')
  expect([body.full, log]).toEqual([true, []])
  body.pipe(sink)
  expect([body.full, log]).toEqual([false, ['a', 'b', 'resume']])
  push('c')
  body.finish(['X', '1'])
  expect(log.slice(3)).toEqual(['c', 'end X,1'])
})

test('a body that was complete before pipe() is handed over at once, without asking for more', () => {
  const { body, sink, log, push } = stage()
  push('a')
  body.finish(undefined)
  body.pipe(sink)
  expect(log).toEqual(['a', 'end '])
})

test('a sink that says stop gets nothing before drained(), then the rest in order, then the end', () => {
  const { body, sink, log, push } = stage((chunk) => chunk !== 'b')
  push('a', 'b', 'c', 'd')
  body.pipe(sink)
  push('e')
  body.finish(undefined)
  expect([body.full, log]).toEqual([true, ['a', 'b']])
  sink.drained()
  expect(log.slice(2)).toEqual(['c', 'd', 'e', 'end '])
})

test('a broken body gives what came before, then fails, once', () => {
  const early = stage()
  early.push('a')
  early.body.break(clientGone())
  early.body.pipe(early.sink)
  expect(early.log).toEqual(['a', 'fail The client'])
  const late = stage()
  late.body.pipe(late.sink)
  late.push('a')
  late.body.break(clientGone())
  late.body.break(clientGone())
  late.body.finish(undefined)
  expect(late.log).toEqual(['resume', 'a', 'fail The client'])
})

test('cancel() frees the connection once, and nothing reaches the sink any more', () => {
  const { body, sink, log, push } = stage()
  body.pipe(sink)
  body.cancel()
  body.cancel()
  push('a')
  body.finish(undefined)
  sink.drained()
  expect(log).toEqual(['resume', 'cancel'])
})

test('cancel() of a complete body leaves its connection alone: it serves somebody else', () => {
  const { body, log, push } = stage()
  push('a')
  body.finish(undefined)
  body.cancel()
  expect(log).toEqual([])
})

test('cancel() while the sink is written to is the end of it', () => {
  const { body, sink, log, push } = stage((chunk) => {
    if (chunk === 'a') body.cancel()
    return true
  })
  push('a', 'b')
  body.pipe(sink)
  push('c')
  expect([body.full, log]).toEqual([true, ['a', 'cancel']])
})
