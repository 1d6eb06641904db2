import { templateNames } from '@coatcheck/model'
import { inlineYaml } from './inline-yaml.ts'
import { documentShape, forms, type Shape } from './shape.ts'

/** `docs/reference/configuration.md`: every field of the native file, made from what the dialect reads by. */
export function configurationReference(): string {
  return `${[introduction, values, ...section(documentShape(), [], 'Top level', '')].join('\n\n')}\n`
}

const introduction = `# Configuration

<!-- Made from the schema in packages/dialects/src/native; a test compares. Change the schema, not this page. -->

Every field of \`coatcheck.yaml\`. A file needs a listener and a route; everything else has a default:

\`\`\`yaml
listeners: { web: ":8080" }
routes: [{ upstream: http://127.0.0.1:3000 }]
\`\`\`

Several files, or the files of a folder, are read as one: names and routes are put together, and what is defined twice is
an error. Fields that do not exist are errors too. \`coatcheck check\` tells all of them at once, with their places, and
\`coatcheck schema\` prints the schema by which editors check and complete while one writes.`

const values = `## Values

| kind | how it is written |
|---|---|
| duration | whole numbers with units, largest first: \`500ms\`, \`30s\`, \`10m\`, \`1h30m\`, \`7d\`; greater than 0 |
| size | bytes, or a whole number with \`B\`, \`KB\`, \`MB\`, \`GB\` (powers of 1000), \`KiB\`, \`MiB\`, \`GiB\` (powers of 1024) |
| address | \`":8080"\` (every address of the machine), \`127.0.0.1:8080\`, \`"[::1]:8080"\`, \`localhost:8080\` |
| URL | \`http://host:port\` or \`https://host:port\`, nothing behind it |
| path | begins with \`/\`, as it stands in a URL |
| PEM | path of a file, or the text itself, which begins with \`-----BEGIN\` |
| secret | the value itself; better one of the next two |
| \`{ env: NAME }\` | the value of an environment variable |
| \`{ file: path }\` | the content of a file, without the line end behind it |
| NAME | a letter or digit, then letters, digits, \`_ . : @ / - [ ]\`; at most 128; not digits alone |
| template | text, in which these stand for values: ${templateNames.map((name) => `\`${name}\``).join(', ')}; a literal brace is doubled |

\`{ env: NAME }\` and \`{ file: path }\` may stand for every value: text, paths, numbers, durations, sizes, switches, choices, and the
items of lists. Names are written out, where something is defined and where it is referred to, and so are lists and objects: the
file shows its structure by itself. Values that may be secrets (\`keys\`, PEM, values of headers and of conditions in a \`match\`) are
not taken into the configuration, but read where they lie when it is put to use.`

/** An object's part of the page, and those of the objects within. */
function section(shape: Shape, path: readonly string[], title: string, about: string): string[] {
  const fields = fieldsOf(shape)
  if (fields.length === 0) return []
  const required = forms(shape).flatMap((form) => form.required ?? [])
  const rows = fields.map(([name, field]) => row(name, field, required.includes(name)))
  const table = ['| field | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
  const head = [
    `${path.length === 0 ? '##' : path.length < 3 ? '###' : '####'} ${title}`,
    ...(about === '' ? [] : [about]),
  ].join('\n\n')
  const inner = fields.flatMap(([name, field]) => innerSections(field, [...path, name]))
  return [`${head}\n\n${table}`, ...inner]
}

/** Objects first; lists of the same objects are no second part, since their fields are the same. */
function innerSections(field: Shape, path: readonly string[]): string[] {
  const shapes = forms(field)
  const objects = shapes.filter((form) => form.properties !== undefined)
  const about = field.description ?? ''
  const own = objects.length === 0 ? [] : section({ anyOf: objects }, path, label(path), about)
  const lists = shapes.flatMap(({ items }) =>
    items === undefined || sameFields(items, objects) ? [] : inside(items, about, [...path, '[]']),
  )
  const named = shapes.flatMap(({ additionalProperties: inner }) =>
    inner ? inside(inner, about, [...path, 'NAME']) : [],
  )
  return [...own, ...lists, ...named]
}

function inside(shape: Shape, description: string, path: readonly string[]): string[] {
  return innerSections({ description, ...shape }, path)
}

function sameFields(shape: Shape, objects: readonly Shape[]): boolean {
  const names = (fields: [string, Shape][]) => fields.map(([name]) => name).join()
  return objects.length > 0 && names(fieldsOf(shape)) === names(fieldsOf({ anyOf: objects }))
}

/** `routes[].match`, `listeners.NAME`. */
function label(path: readonly string[]): string {
  return path.map((name, index) => (name === '[]' || index === 0 ? name : `.${name}`)).join('')
}

function fieldsOf(shape: Shape): [string, Shape][] {
  return forms(shape).flatMap((form) => Object.entries(form.properties ?? {}))
}

function row(name: string, field: Shape, required: boolean): string {
  const usual = required ? 'required' : field.default === undefined ? '' : code(inlineYaml(field.default))
  const example = field.examples?.[0] === undefined ? '' : ` Example: ${code(inlineYaml(field.examples[0]))}`
  return `| \`${name}\` | ${typeOf(field)} | ${usual} | ${cell((field.description ?? '') + example)} |`
}

function typeOf(shape: Shape): string {
  const types = forms(shape)
    .map(typeOfForm)
    .filter((type) => type !== '')
  return [...new Set(types)].join(' or ')
}

/** References are written wherever values are, so that they are not repeated. */
function typeOfForm(form: Shape): string {
  if (form.$ref !== undefined || form.allOf !== undefined) return ''
  if (form.const !== undefined) return code(inlineYaml(form.const))
  if (form.enum !== undefined) return form.enum.map((value) => code(inlineYaml(value))).join(' or ')
  if (form.title !== undefined) return form.title
  switch (form.type) {
    case 'string':
      return 'text'
    case 'integer':
      return `${form.minimum}–${form.maximum}`
    case 'boolean':
      return '`true` or `false`'
    case 'array':
      return `list of ${listed(typeOf(form.items ?? {}))}`
    case 'object':
      return form.additionalProperties ? `NAME → ${typeOf(form.additionalProperties)}` : 'object'
    default:
      return code('null')
  }
}

function listed(type: string): string {
  return type.includes(' or ') ? `(${type})` : type
}

function code(text: string): string {
  return `\`${cell(text)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim()
}
