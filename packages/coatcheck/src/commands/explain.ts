import { didYouMean, type GatewayModel, hasErrors } from '@coatcheck/model'
import { exitCodes } from '../exit-codes.ts'
import { readValue } from '../secrets.ts'
import { type Command, UsageError } from './command.ts'
import { configOption, configurationSource, dialectOption } from './configuration.ts'
import { asText } from './diagnostics.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'Say what the gateway would do with a request, offline',
  positionals: ['METHOD', 'URL'],
  about: [
    'Says which route takes the request and why each nearer one does not, what each middleware would do, and',
    'what the application would get. Nothing is sent and no session is opened; secrets are masked.',
  ],
  options: [
    configOption,
    dialectOption,
    {
      name: 'header',
      short: 'H',
      value: "'NAME: VALUE'",
      repeatable: true,
      meaning: 'A header of the request; Host is taken from the URL',
    },
    {
      name: 'listener',
      value: 'NAME',
      meaning: 'Listener that the request comes in through; default by scheme and port of the URL',
    },
    { name: 'format', value: 'FORMAT', choices: ['text', 'json'], meaning: 'text (default) or json' },
  ],
  examples: [
    { line: 'coatcheck explain GET https://shop.example.com/x', meaning: 'Which route is it?' },
    { line: "coatcheck explain POST https://shop.example.com/x -H 'X-Beta: 1'", meaning: 'The same with a header' },
  ],
  async run(given, shell) {
    const [first, second] = [given.positionals[0]!, given.positionals[1]!]
    const [method, url] = [requestMethod(first, second), requestUrl(second)]
    const headers = given.values('header').map(header)
    const { model, diagnostics } = await configurationSource(given, shell).load()
    if (model === undefined || hasErrors(diagnostics)) {
      shell.stderr(asText(diagnostics))
      return exitCodes.configuration
    }
    const listener = listenerNamed(given.value('listener'), model)
    const { explain: explainRequest, formatExplanation } = await import('@coatcheck/gateway')
    const explanation = explainRequest(model, { method, url, headers, listener }, (source) =>
      readValue(source, shell.cwd, shell.environment),
    )
    const json = given.value('format') === 'json'
    shell.stdout(json ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation))
    return exitCodes.fine
  },
}

/** @throws UsageError for what is no token (RFC 9110, section 9.1) */
function requestMethod(text: string, behind: string): string {
  if (/^[!#$%&'*+.^_`|~\w-]+$/.test(text)) return text
  const swapped = URL.canParse(text) && /^[A-Za-z]+$/.test(behind)
  const hint = swapped ? ` Did you mean "coatcheck explain ${behind} ${text}"?` : ''
  throw new UsageError(`"${text}" is not a method, as GET is.${hint}`)
}

/** @throws UsageError */
function requestUrl(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return text
  throw new UsageError(`"${text}" is not a URL, as https://shop.example.com/x is.`)
}

/** @throws UsageError */
function listenerNamed(name: string | undefined, { listeners }: GatewayModel): string | undefined {
  const names = listeners.map((one) => one.name)
  if (name === undefined || names.includes(name)) return name
  throw new UsageError(
    `The configuration has no listener "${name}"; it has ${names.join(', ') || 'none'}.${didYouMean(name, names)}`,
  )
}

/** @throws UsageError */
function header(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(text) ?? []
  if (name !== undefined && value !== undefined) return [name, value]
  throw new UsageError(`"${text}" is not a header, as 'X-Beta: 1' is.`)
}
