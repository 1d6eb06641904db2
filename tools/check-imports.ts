/**
 * Holds the arrows between packages: who may import what, and why. Run without arguments it reads every file that git
 * knows or would add, prints each violation with its reason, and exits 1 when there is one.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { allowedOf, type PackageRules, packages } from './import-rules.ts'
import { importsOf, type Line, usesOf } from './imports.ts'

export interface Violation {
  readonly file: string
  readonly line: number
  readonly what: string
  readonly reason: string
}

/** Names of the subpaths that a package shows to others (`.`, `./testing`), by the package's name. */
export type Exports = ReadonlyMap<string, ReadonlySet<string>>

/** What one file does against the rules. `path` is relative to the root, with `/`. */
export function violations(path: string, text: string, exported: Exports): Violation[] {
  const imports = importsOf(text)
  const found = imports.flatMap((one) => extensionOf(one) ?? insideOf(path, one, exported) ?? [])
  const rules = rulesFor(path)
  if (rules !== undefined) {
    found.push(...imports.flatMap((one) => arrowOf(path, one, rules) ?? []), ...forbiddenUses(text, rules))
  }
  return found.map((one) => ({ file: path, ...one })).sort((a, b) => a.line - b.line)
}

type Found = Omit<Violation, 'file'>

/** Tests and what only tests use may import anything that is public; what the session package publishes for tests may not. */
function rulesFor(path: string): PackageRules | undefined {
  if (isForTests(path) && !path.startsWith('packages/session/src/testing/')) return undefined
  return packages.find(({ folder }) => path.startsWith(`${folder}/`))
}

function isForTests(path: string): boolean {
  return /\.test\.ts$|\/(?:fixtures|testing)\//.test(path)
}

function extensionOf({ line, text }: Line): Found | undefined {
  if (!text.startsWith('.') || /\.(ts|json)$/.test(text)) return undefined
  return { line, what: `imports "${text}"`, reason: 'TypeScript runs unbuilt here, so a path ends in .ts.' }
}

function insideOf(path: string, { line, text }: Line, exported: Exports): Found | undefined {
  if (text.startsWith('.')) return pathOf(path, { line, text })
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(text) ?? []
  const subpaths = exported.get(name ?? '')
  if (subpaths === undefined || subpaths.has(`.${rest}`)) return undefined
  return { line, what: `imports "${text}", which ${name} does not export`, reason: inside }
}

function pathOf(path: string, { line, text }: Line): Found | undefined {
  const owner = packageOf(path)
  const target = new URL(text, `file:///${path}`).pathname.slice(1)
  if (isForTests(target)) {
    if (owner === undefined || isForTests(path)) return undefined
    return { line, what: `imports "${text}"`, reason: 'What is there for tests is not for the program.' }
  }
  if (owner === undefined || packageOf(target) === owner) return undefined
  return { line, what: `imports "${text}", which leaves its package`, reason: inside }
}

const inside = 'Packages know only what others export; their insides are free to change.'

function packageOf(path: string): string | undefined {
  return /^(?:packages|examples)\/[^/]+/.exec(path)?.[0]
}

function arrowOf(path: string, { line, text }: Line, rules: PackageRules): Found | undefined {
  if (text.startsWith('.') || allowedOf(rules, path).some((pattern) => pattern.test(text))) return undefined
  return { line, what: `imports "${text}"`, reason: rules.reason }
}

function forbiddenUses(text: string, { forbidden }: PackageRules): Found[] {
  return forbidden.flatMap(({ pattern, reason }) =>
    usesOf(text, pattern).map((use) => ({ line: use.line, what: `uses "${use.text}"`, reason })),
  )
}

/** Reads what every package of the workspace exports. */
export function exportsOf(manifests: readonly string[]): Exports {
  return new Map(
    manifests.map((path) => {
      const { name, exports = {} } = JSON.parse(readFileSync(path, 'utf8'))
      return [name, new Set(Object.keys(exports))] as const
    }),
  )
}

function main(): number {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)))
  const listed = execFileSync('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '*.ts',
    '*/package.json',
  ])
  const files = [...new Set(listed.toString().split('\0'))].filter((path) => path !== '')
  const exported = exportsOf(files.filter((path) => /^packages\/[^/]+\/package\.json$/.test(path)))
  const found = files.filter((path) => path.endsWith('.ts')).flatMap((path) => violations(path, read(path), exported))
  for (const { file, line, what, reason } of found) console.error(`${file}:${line}  ${what}\n  ${reason}`)
  return found.length === 0 ? 0 : 1
}

/** Empty for a file that git still lists and that is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) process.exitCode = main()
