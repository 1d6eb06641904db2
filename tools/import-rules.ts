/** What each package may import and use. See docs/architecture.md. */

export interface PackageRules {
  readonly folder: string
  /** Modules besides the package's own. */
  readonly allowed: readonly RegExp[]
  /** More modules, below one folder only. */
  readonly allowedBelow: Readonly<Record<string, readonly RegExp[]>>
  readonly forbidden: readonly { readonly pattern: RegExp; readonly reason: string }[]
  /** Why not more. */
  readonly reason: string
}

/** What the world is asked for is handed in, so that a test can hand in its own. */
const world = [
  {
    pattern: /\bprocess\.(?!nextTick\b)\w+/g,
    reason: 'Only the program touches the process and its environment; hand the value in.',
  },
  { pattern: /\bimport\.meta\.env\b/g, reason: 'Only the program touches the environment; hand the value in.' },
]

export const packages: readonly PackageRules[] = [
  {
    folder: 'packages/session',
    allowed: [/^node:crypto$/],
    allowedBelow: {
      'src/stores/sqlite/': [/^node:(sqlite|fs|path)$/],
      'src/stores/redis/connection/': [/^ioredis$/, /^node:(net|tls|dns\/promises)$/],
      'src/stores/redis/probe/': [/^node:(net|tls)$/],
      'src/testing/': [/^node:assert(\/strict)?$/],
    },
    forbidden: world,
    reason:
      'The session engine runs alone on Node, Bun and Deno: web standards and node:crypto, node:sqlite for one store, ioredis over sockets for another.',
  },
  {
    folder: 'packages/model',
    allowed: [],
    allowedBelow: {},
    forbidden: world,
    reason: 'The model says what a gateway is told to do and imports nothing, so that everything can import it.',
  },
  {
    folder: 'packages/dialects',
    allowed: [/^@coatcheck\/model$/, /^yaml$/, /^zod$/],
    allowedBelow: {},
    forbidden: [
      ...world,
      {
        pattern: /\b(?:Date\.now|performance\.now|fetch)\(/g,
        reason: 'A dialect is a pure function: no clock, no network.',
      },
      { pattern: /\bnew Date\b(?:\(\s*\)|(?!\())/g, reason: 'A dialect is a pure function: no clock.' },
    ],
    reason:
      'A dialect is a pure function from text to model: no files, network, clock or environment, so no node: modules.',
  },
  {
    folder: 'packages/gateway',
    allowed: [
      /^@coatcheck\/(model|session)(\/.+)?$/,
      /^node:(?!fs\b|child_process$|cluster$|worker_threads$|process$|os$|dgram$|module$|vm$)/,
    ],
    allowedBelow: {},
    forbidden: [
      ...world,
      { pattern: /\.listen\(/g, reason: 'Sockets that listen belong to the program; the gateway gets connections.' },
    ],
    reason: 'The data plane gets files, processes and configuration as ports from the program, and knows no dialect.',
  },
  {
    folder: 'packages/coatcheck',
    allowed: [/^@coatcheck\/(model|session|dialects|gateway)(\/.+)?$/, /^node:/, /^prom-client$/],
    allowedBelow: {},
    forbidden: [],
    reason: 'Every dependency has its reason in docs/decisions/dependencies.md and its place in tools/import-rules.ts.',
  },
]

export function allowedOf({ folder, allowed, allowedBelow }: PackageRules, path: string): readonly RegExp[] {
  const below = Object.entries(allowedBelow).filter(([prefix]) => path.startsWith(`${folder}/${prefix}`))
  return [...allowed, ...below.flatMap(([, patterns]) => patterns)]
}
