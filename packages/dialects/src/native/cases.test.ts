import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { check, type Diagnostic, type Lookup, sorted } from '@coatcheck/model'
import { describe, expect, test } from 'vitest'
import { native } from './dialect.ts'
import { compactJson, type GoldenCase, parseCase, printCase } from './fixtures/golden.ts'
import { printNative } from './print.ts'

/**
 * Every file in `cases/` is one case: what goes in, the model and the diagnostics that come out.
 * `UPDATE_GOLDEN=1` writes what comes out into the files; look at the difference before it is committed.
 */
const folder = new URL('cases/', import.meta.url)
const update = process.env.UPDATE_GOLDEN === '1'
const names = readdirSync(folder).filter((name) => name.endsWith('.case'))

function run(golden: GoldenCase) {
  const files = Object.entries(golden.files)
    .filter(([name]) => name.startsWith('in/') && name.endsWith('.yaml'))
    .map(([name, text]) => ({ name, text }))
  const translation = native.translate(files, lookupOf(golden))
  const { model, placeOf, leftOut } = translation
  const checked = model === undefined ? [] : check(model, placeOf, !translation.diagnostics.some(isError), leftOut)
  return { ...translation, all: sorted([...translation.diagnostics, ...checked]) }
}

const isError = ({ severity }: Diagnostic) => severity === 'error'

/** `in/env` holds NAME=value lines; every other file is what `{ file: … }` finds. */
function lookupOf({ files }: GoldenCase): Lookup {
  const environment = new Map((files['in/env'] ?? '').split('\n').map((line) => line.split('=', 2) as [string, string]))
  return (reference) => ('env' in reference ? environment.get(reference.env) : files[`in/${reference.file}`]?.trimEnd())
}

function text({ severity, code, place, message, consequence, remedy, related }: Diagnostic): string {
  const where = place === undefined ? '-' : `${place.file}:${place.line}:${place.column}`
  const others = (related ?? []).map(({ file, line, column }) => `\n  see ${file}:${line}:${column}`)
  return `${where} ${severity} ${code}\n  ${message}\n  ${consequence}\n  ${remedy}${others.join('')}\n`
}

test('there are at least thirty cases', () => {
  expect(names.length).toBeGreaterThanOrEqual(30)
})

describe.each(names)('%s', (name) => {
  const file = new URL(name, folder)
  const golden = parseCase(readFileSync(file, 'utf8'))
  const { model, all } = run(golden)

  test('gives this model and these diagnostics', () => {
    const out = { 'out/model.json': compactJson(model), 'out/diagnostics': all.map(text).join('') }
    if (update) writeFileSync(file, printCase({ ...golden, files: { ...golden.files, ...out } }))
    else expect({ ...golden.files, ...out }).toEqual(golden.files)
  })

  // What could not be read, and a broken route, have no text that means the same.
  if (model === undefined || model.routes.some(({ action }) => action.kind === 'broken')) return
  test('printed and translated again, is the same model', () => {
    const printed = native.translate([{ name: 'printed.yaml', text: printNative(model) }], () => undefined)
    expect(printed.diagnostics).toEqual([])
    expect(printed.model).toEqual(model)
  })
})
