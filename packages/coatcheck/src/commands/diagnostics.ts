/** Diagnostics as people, programs and GitHub read them. */
import type { Diagnostic, Place } from '@coatcheck/model'

/** Where, what, what would have happened, what to do; a blank line between two. */
export function asText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(oneAsText).join('\n')
}

function oneAsText({ severity, code, place, message, consequence, remedy, related = [] }: Diagnostic): string {
  const head = [...(place ? [where(place)] : []), severity, code].join('  ')
  const also = related.map((one) => `  See also ${where(one)}\n`).join('')
  return `${head}\n  ${message}\n  ${[consequence, remedy].filter(Boolean).join(' ')}\n${also}`
}

function where({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`
}

/** `2 errors, 1 warning in 3 files` */
export function counted(diagnostics: readonly Diagnostic[], files: number): string {
  const { errors, warnings } = count(diagnostics)
  return `${number(errors, 'error')}, ${number(warnings, 'warning')} in ${number(files, 'file')}`
}

export function count(diagnostics: readonly Diagnostic[]): { errors: number; warnings: number } {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: diagnostics.length - errors }
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/**
 * Workflow commands, which GitHub shows beside the lines of a pull request.
 *
 * @see https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
 */
export function asGithub(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((one) => `::${one.severity} ${properties(one)}::${escapeData(body(one))}\n`).join('')
}

function properties({ place, code }: Diagnostic): string {
  const at = place ? [`file=${escapeProperty(place.file)}`, `line=${place.line}`, `col=${place.column}`] : []
  return [...at, `title=${escapeProperty(code)}`].join(',')
}

function body({ message, consequence, remedy }: Diagnostic): string {
  return [message, [consequence, remedy].filter(Boolean).join(' ')].join('\n')
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
