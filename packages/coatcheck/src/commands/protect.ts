import { native } from '@coatcheck/dialects'
import { exitCodes } from '../exit-codes.ts'
import { type TranslatingSource, textSource } from '../sources/files.ts'
import { type Command, UsageError } from './command.ts'
import { logLevelOption, startSource, stateOption } from './start.ts'

export const protect: Command = {
  name: 'protect',
  summary: 'Put a gateway in front of an application on this machine, with no file at all',
  positionals: ['URL'],
  about: [
    'Starts a gateway on loopback in front of the application at URL. Every visitor gets a session, kept in',
    'memory, and the application reads its id in the request header X-Session-Id. To go on from there, print the',
    'configuration that means the same and change it.',
  ],
  options: [
    { name: 'port', short: 'p', value: 'PORT', meaning: 'Port to listen on, 1–65535; default 8080' },
    { name: 'print', meaning: 'Print the coatcheck.yaml that means the same, and start nothing' },
    stateOption,
    logLevelOption,
  ],
  examples: [
    { line: 'coatcheck protect http://localhost:3000', meaning: 'Then open http://localhost:8080' },
    { line: 'coatcheck protect http://localhost:3000 --print > coatcheck.yaml', meaning: 'The file to go on with' },
  ],
  async run(given, shell) {
    const text = protectYaml(upstreamUrl(given.positionals[0]!), port(given.value('port') ?? '8080'))
    if (!given.flag('print')) return startSource(protectSource(text, { ...shell, dialect: native }), given, shell)
    shell.stdout(text)
    return exitCodes.fine
  },
}

/** What `protect` runs, from its text. */
export function protectSource(text: string, options: Parameters<typeof textSource>[1]): TranslatingSource {
  return textSource({ name: 'protect.yaml', text }, options)
}

/** @throws UsageError */
function upstreamUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const guess = /^(?:[\w.-]+:)?\d+$/.test(text)
      ? ` Did you mean "http://${text.replace(/^(?=\d+$)/, 'localhost:')}"?`
      : ''
    throw new UsageError(`"${text}" is not the URL of an application, as http://localhost:3000 is.${guess}`)
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username || url.password) {
    throw new UsageError(`The URL of an application is a host and a port, no more: ${url.origin}`)
  }
  return url.origin
}

/** @throws UsageError */
function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= 65535) return number
  throw new UsageError(`"${text}" is not a port: give a number from 1 to 65535.`)
}

/** The configuration that `protect` runs. */
export function protectYaml(url: string, port: number): string {
  return `# One application on this machine, with a session for every visitor. Run it with: coatcheck --config coatcheck.yaml
internal: off # health and metrics; off so that several of these can run side by side

listeners:
  web: 127.0.0.1:${port}

sessions:
  default: { mode: enforce } # kept in memory: a restart forgets them

upstreams:
  app: { urls: [${JSON.stringify(url)}] }

routes:
  - name: app
    match: { path: / }
    headers: { request: { set: { X-Session-Id: "{session.$id}" } } }
    upstream: app
`
}
