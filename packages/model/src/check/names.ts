import type { GatewayModel } from '../model.ts'
import type { Check, Finder } from './finder.ts'

const lists = ['listeners', 'stores', 'sessions', 'upstreams', 'routes'] as const
const singular = { listeners: 'listener', stores: 'store', sessions: 'session', upstreams: 'upstream', routes: 'route' }

/** Names are unique within each list, and can be shown. */
export const checkNames: Check = (model, found) => {
  for (const list of lists) uniqueNames(list, singular[list], model[list], found)
  uniqueNames(
    'keys',
    'key',
    model.keys.map(({ id }) => ({ name: id })),
    found,
  )
  for (const [index, { id }] of model.keys.entries()) checkKeyId(id, `/keys/${index}`, found)
  if (model.name !== undefined) checkName(model.name, '/name', 'The installation', found)
}

function uniqueNames(list: keyof GatewayModel, kind: string, named: readonly { name: string }[], found: Finder): void {
  const first = new Map<string, number>()
  for (const [index, { name }] of named.entries()) {
    const pointer = `/${list}/${index}`
    checkName(name, pointer, `A ${kind}`, found)
    const before = first.get(name)
    if (before === undefined) first.set(name, index)
    else found.error(pointer, { ...twice(kind, name), related: [`/${list}/${before}`] })
  }
}

function twice(kind: string, name: string) {
  return {
    code: 'name-twice',
    message: `Two of the ${kind === 'key' ? 'keys' : `${kind}s`} are called "${name}".`,
    consequence: `What refers to "${name}" could mean either.`,
    remedy: 'Give one of them another name.',
  }
}

function checkName(name: string, pointer: string, subject: string, found: Finder): void {
  if (name !== '' && name.length <= 253 && !/[\u0000-\u001f\u007f]/.test(name)) return
  found.error(pointer, {
    code: 'name-invalid',
    message: `${subject} has a name that is empty, longer than 253 characters, or holds control characters.`,
    consequence: 'It could not be shown in logs and metrics.',
    remedy: 'Write a short name of letters, digits, "-" and ".".',
  })
}

/** Records carry the id: `[A-Za-z0-9_-]{1,32}`. */
function checkKeyId(id: string, pointer: string, found: Finder): void {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(id)) return
  found.error(pointer, {
    code: 'key-name-invalid',
    message: `"${id}" cannot name a key.`,
    consequence: 'Records that it seals carry its name, and have no room for this one.',
    remedy: 'Write 1 to 32 letters, digits, "_" or "-".',
  })
}
