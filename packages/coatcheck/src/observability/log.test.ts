import { Secret } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { createLog, type LogLevel, type LogOptions } from './log.ts'

function logging(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = createLog({ write: (line) => void lines.push(line), version: '1.2.3', clock: () => 0, ...options })
  return { log, lines }
}

test('a message is one line of ECS fields', () => {
  const { log, lines } = logging()
  log.warn('store "main" does not answer', { coatcheck: { store: 'main' } })
  expect(lines).toEqual([
    '{"@timestamp":"1970-01-01T00:00:00.000Z","ecs":{"version":"9.4.0"},"log":{"level":"warn","logger":"coatcheck"},' +
      '"message":"store \\"main\\" does not answer","service":{"name":"coatcheck","version":"1.2.3"},' +
      '"coatcheck":{"store":"main"}}\n',
  ])
})

test('what is below the level is neither written nor counted', () => {
  const counted: LogLevel[] = []
  const { log, lines } = logging({ level: 'warn', counted: (level) => void counted.push(level) })
  log.debug('d')
  log.info('i')
  log.warn('w')
  log.error('e')
  expect(lines).toHaveLength(2)
  expect(counted).toEqual(['warn', 'error'])
})

test('fields cannot take the place of ours', () => {
  const { log, lines } = logging()
  log.info('real', { message: 'forged', log: { level: 'error' }, '@timestamp': 'never' })
  expect(JSON.parse(lines[0]!)).toMatchObject({
    message: 'real',
    log: { level: 'info' },
    '@timestamp': '1970-01-01T00:00:00.000Z',
  })
})

test('where a message comes from stands beside its level', () => {
  const { log, lines } = logging()
  log.warn('w', { log: { origin: { file: { name: 'coatcheck.yaml', line: 3 } } } })
  expect(JSON.parse(lines[0]!).log).toEqual({
    origin: { file: { name: 'coatcheck.yaml', line: 3 } },
    level: 'warn',
    logger: 'coatcheck',
  })
})

test('never throws, whatever the fields', () => {
  const { log, lines } = logging()
  const circle: Record<string, unknown> = { secret: new Secret('hunter2'), big: 1n }
  circle.self = circle
  log.info('\ud800', circle)
  log.info('null', null as never)
  log.info(undefined as never, 'text' as never)
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  expect(lines.join('')).not.toContain('hunter2')
})

test('a line that would be too long loses its fields, then the end of its message', () => {
  const { log, lines } = logging({ maxLineBytes: 4096 })
  log.error('fields', { error: Object.assign(new Error('x'), { stack: 'y'.repeat(8000) }) })
  log.error('\x01'.repeat(5000))
  expect(lines.every((line) => Buffer.byteLength(line) <= 4096)).toBe(true)
  expect(JSON.parse(lines[0]!)).toMatchObject({ message: 'fields' })
  expect(JSON.parse(lines[1]!).message).toMatch(/^\x01{500,}…$/)
})

test('on a terminal a message is a readable line, and obeys nothing that it shows', () => {
  const { log, lines } = logging({ terminal: true })
  log.info('hello \x1b[2J', { coatcheck: { route: 'shop' }, error: new Error('boom') })
  expect(lines[0]).toContain('00:00:00.000')
  expect(lines[0]).toContain('hello \\x1b[2J')
  expect(lines[0]).toContain('{"route":"shop"}')
  expect(lines[0]).toContain('\n    Error: boom')
})
