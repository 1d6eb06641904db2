/**
 * What is done to a record, each in one round trip on one key, so that it is the same in a cluster.
 *
 * Each may run twice: a command whose reply was lost is sent again. No script has a shebang line: the server would refuse
 * one as a whole when its memory is full, where reading and ending still have to work. A server that does not let us
 * publish runs them all the same, and says so in the reply (`told`).
 */
import { createHash } from 'node:crypto'
import type { Script } from './connection/connection.ts'
import { versionLength } from './value.ts'

/** A value of another type is not ours: as good as none. Every other error is one. */
const versionHere = `
local function versionHere()
  local found = redis.pcall('GETRANGE', KEYS[1], 0, ${versionLength - 1})
  if type(found) == 'table' and string.sub(found.err, 1, 9) == 'WRONGTYPE' then return '' end
  return found
end
`

const tell = `
local function tell(channel, message)
  local heard = redis.pcall('PUBLISH', channel, message)
  if type(heard) == 'number' then return 1 end
  return 0
end
`

/**
 * Only a primary may say that nothing is there: a replica may have it yet, or have lost it with all that it kept. It refuses
 * to delete, also what is not there; a primary then has done nothing.
 */
const replicaSaysSo = `
local function replicaSaysSo()
  local reply = redis.pcall('DEL', KEYS[1])
  return type(reply) == 'table' and string.find(reply.err, 'READONLY', 1, true) and reply
end
`

/** → value or nil, milliseconds left, seconds and microseconds of the server's clock. ARGV: largest value that is read. */
export const readScript = script(`${replicaSaysSo}
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'table' then
  if string.sub(size.err, 1, 9) ~= 'WRONGTYPE' then return size end
  size = 0
end
local value = false
if size > 0 and size <= tonumber(ARGV[1]) then value = redis.call('GET', KEYS[1]) end
local left = redis.call('PTTL', KEYS[1])
local refusal = left == -2 and replicaSaysSo()
if refusal then return refusal end
local time = redis.call('TIME')
return { value, left, time[1], time[2] }
`)

/** → 1 written, 0 the id is taken. ARGV: value, milliseconds. Tells nobody: nobody can know the id. */
export const createScript = script(`${versionHere}
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
local version = versionHere()
if type(version) == 'table' then return version end
if version == string.sub(ARGV[1], 1, ${versionLength}) then return 1 end
return 0
`)

/** → { 1 written or 0 gone or newer, told where it was tried }. ARGV: version that is replaced, value, milliseconds, channel, message. */
export const updateScript = script(`${versionHere}${tell}
local version = versionHere()
if type(version) == 'table' then return version end
if version == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return { 1, tell(ARGV[4], ARGV[5]) }
end
if version == string.sub(ARGV[2], 1, ${versionLength}) then return { 1 } end
return { 0 }
`)

/** → the version that is there, or nil when there is none. ARGV: milliseconds. What is not ours is left alone. */
export const touchScript = script(`${versionHere}${replicaSaysSo}
local version = versionHere()
if type(version) == 'table' then return version end
if #version == ${versionLength} and redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 1 then return version end
return redis.call('PTTL', KEYS[1]) == -2 and replicaSaysSo()
`)

/** → { 1 ended or 0 was not there, told }. ARGV: channel, message. Without any condition: whatever is there goes. */
export const deleteScript = script(`${tell}
return { redis.call('DEL', KEYS[1]), tell(ARGV[1], ARGV[2]) }
`)

/**
 * → the mark that is there, made when there is none; seconds and microseconds of the server's clock. ARGV: a new mark. A
 * flush, and a failover to a server that never had it, take it along: then it is another one from there on.
 */
export const markScript = script(`
local mark = redis.call('HGET', KEYS[1], 'epoch')
if not mark then
  mark = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', mark)
end
local time = redis.call('TIME')
return { mark, time[1], time[2] }
`)

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
