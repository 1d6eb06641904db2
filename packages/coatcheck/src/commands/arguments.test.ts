import { describe, expect, test } from 'vitest'
import { parseArguments } from './arguments.ts'
import { type Command, UsageError } from './command.ts'

const command: Command = {
  name: 'weigh',
  summary: '',
  positionals: ['THING'],
  about: [],
  options: [
    { name: 'config', short: 'c', value: 'PATH', repeatable: true, meaning: '' },
    { name: 'format', value: 'FORMAT', choices: ['text', 'json'], meaning: '' },
    { name: 'header', short: 'H', value: 'HEADER', repeatable: true, meaning: '' },
    { name: 'print', meaning: '' },
  ],
  examples: [],
  run: async () => 0,
}
const other: Command = { ...command, name: 'measure', options: [{ name: 'port', value: 'PORT', meaning: '' }] }
const parse = (...args: string[]) => parseArguments(command, args, [command, other])

test('every spelling of an option is read', () => {
  const given = parse(
    'x',
    '--config',
    'a',
    '--config=b',
    '-c',
    'c',
    '-cd',
    '--print',
    '--format',
    'text',
    '--format=json',
  )
  expect(given.positionals).toEqual(['x'])
  expect(given.values('config')).toEqual(['a', 'b', 'c', 'd'])
  expect(given.flag('print')).toBe(true)
  expect(given.value('format')).toBe('json')
})

test('an argument in brackets may be missing, and is no more than one', () => {
  const loose: Command = { ...command, positionals: ['[THING]'] }
  expect(parseArguments(loose, []).positionals).toEqual([])
  expect(parseArguments(loose, ['x']).positionals).toEqual(['x'])
  expect(() => parseArguments(loose, ['x', 'y'])).toThrow('knows nothing to do with "y"')
})

test('what is not given is absent', () => {
  const given = parse('x')
  expect(given.values('config')).toEqual([])
  expect(given.value('format')).toBeUndefined()
  expect(given.flag('print')).toBe(false)
})

test('a value may begin with one dash, an argument behind -- with two', () => {
  expect(parse('x', '-H', '-y: 1').values('header')).toEqual(['-y: 1'])
  expect(parse('--', '--x').positionals).toEqual(['--x'])
})

describe('refused with what to do:', () => {
  test.each([
    [['x', '--confg', 'a'], '"coatcheck weigh" has no option "--confg". Did you mean "--config"?'],
    [['x', '--confg=a'], '"coatcheck weigh" has no option "--confg". Did you mean "--config"?'],
    [['x', '-z'], '"coatcheck weigh" has no option "-z". It has --config, --format, --header, --print, --help.'],
    [['x', '--port', '80'], '"coatcheck weigh" has no option "--port". It is one of "coatcheck measure".'],
    [['x', '-config', 'a'], '"-config" has one dash. Did you mean "--config"?'],
    [['x', '-format=json'], 'Did you mean "--format"?'],
    [['x', '--hepl'], 'Did you mean "--help"?'],
    [['x', '--config'], 'Option "--config" needs a value: --config PATH.'],
    [['x', '--config='], 'Option "--config" needs a value'],
    [['x', '-c', '--print'], 'Option "-c" needs a value: -c PATH.'],
    [['x', '--print=yes'], 'Option "--print" takes no value.'],
    [['x', '--no-print'], 'has no option "--no-print"'],
    [['x', '--format', 'jsn'], '"jsn" is nothing for "--format": give text, json. Did you mean "json"?'],
    [[], '"coatcheck weigh" needs THING: coatcheck weigh THING.'],
    [['x', 'y'], '"coatcheck weigh" knows nothing to do with "y".'],
    [['x', 'y.yaml'], 'Did you mean "--config y.yaml"?'],
    [['x', '--__proto__'], 'has no option "--__proto__"'],
  ])('%j', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError)
    expect(() => parse(...args)).toThrow(message)
  })
})

test('an argument of the form that the command names is no option, though it begins with dashes', () => {
  const dashed: Command = { ...command, dashed: /^[\w-]{6}$/ }
  expect(parseArguments(dashed, ['-abc-d', '--print']).positionals).toEqual(['-abc-d'])
  expect(parseArguments(dashed, ['--ab-c']).positionals).toEqual(['--ab-c'])
  expect(parseArguments(dashed, ['--', '-abc-d']).positionals).toEqual(['-abc-d'])
  expect(() => parseArguments(dashed, ['--abcdef'])).toThrow('has no option "--abcdef"')
})
