/** What several gateways ask of one store, and tell each other, without stickiness. See the README beside this file. */
import { parseArgs } from 'node:util'
import { limits } from '../running/limits.ts'
import { startRedis } from '../running/redis.ts'
import { openStage } from '../running/stage.ts'
import { heardInCluster, messagesHeading, messagesLine } from './messages.ts'
import { bytesPerMessage } from './publisher.ts'
import { requestsHeading, requestsLine } from './requests.ts'
import { restHeading, restLine } from './rest.ts'

const { values } = parseArgs({
  options: {
    gateways: { type: 'string', default: '1,3,10' },
    sessions: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '60' },
    changes: { type: 'string', default: '5000' },
    rest: { type: 'string', default: '10' },
  },
})
const counts = values.gateways.split(',').map(Number)
const [sessions, minutes, changes] = [Number(values.sessions), Number(values.minutes), Number(values.changes)]
const traffics = [
  { pause: 1, changes: 0 },
  { pause: 10, changes: 0 },
  { pause: 10, changes: 100 },
  { pause: 10, changes: 10 },
]

await using stage = openStage()
const redis = await startRedis(stage)

console.log(`Per request, ${sessions} sessions of people who signed in, ${minutes} minutes\n\n${requestsHeading}`)
for (const traffic of traffics) {
  for (const count of counts) console.log(await requestsLine(redis, count, { ...traffic, sessions, minutes }))
}
console.log(`\nTelling of a change (${changes} of them)\n\n${messagesHeading}`)
// Of fewer, what the process does besides hides it.
for (const count of [10, 30]) console.log(await messagesLine(redis, count, changes))
console.log(`\nA message has ${(await bytesPerMessage(redis.port)).toFixed(0)} bytes for each who hears it.`)
console.log(`In a cluster of 3 primaries a gateway hears it ${(await heardInCluster(changes)).toFixed(2)} times.`)
console.log(`\nAt rest, per second and gateway\n\n${restHeading}`)
for (const count of counts) console.log(await restLine(redis, count, Number(values.rest)))
console.log(`\nWhat these numbers do not mean:\n${await limits(import.meta.url)}`)
