import { defaults, formatAddress, formatDuration, type Lookup } from '@coatcheck/model'
import * as z from 'zod'
import { listener, longestTimer } from './schema/listeners.ts'
import { route } from './schema/routes.ts'
import { sessionSpec, store } from './schema/sessions.ts'
import { upstream } from './schema/upstreams.ts'
import { addressText, fields, named, off, secret, type Values, values } from './schema/values.ts'

/**
 * The schema of `coatcheck.yaml`, from which everything else about the file is made: what is accepted, what editors
 * say, the reference page.
 *
 * @param lookup answers `{ env: NAME }` and `{ file: path }` where a plain value is asked for
 */
export function documentSchema(lookup: Lookup) {
  const v = values(lookup)
  return fields({
    name: v
      .text()
      .meta({ description: 'Name of the installation; keys of its sessions begin with it.', samples: ['shop'] })
      .optional(),
    workers: v
      .integer(1, 64)
      .meta({ description: 'Processes that share the listeners.', usual: defaults.workers })
      .optional(),
    internal: internal(v)
      .meta({
        description: 'Health and metrics, away from the traffic: an address, or `off`.',
        usual: { address: formatAddress(defaults.internal.address) },
      })
      .optional(),
    listeners: named(listener(v))
      .meta({
        description: 'Where the gateway can be reached: name → address, or an object.',
        samples: [{ web: ':8080' }],
      })
      .optional(),
    keys: named(secret())
      .meta({
        description:
          'Keys of 16 or 32 bytes (raw, hex or base64) that seal sessions, the same for all gateways of an installation: name → `{ file: path }`, `{ env: NAME }` or the value itself. The first one writes, all read. Left out: one is made, for sessions in Redis in the store itself, with a warning at each start, since it does not protect against who can read or write the store; else in the state folder.',
        samples: [{ k1: { file: 'k1.key' } }],
      })
      .optional(),
    stores: named(store(v))
      .meta({
        description:
          'Where sessions are kept: name → `memory`, `sqlite`, `sealedCookie`, or an object with one of these.',
        samples: [{ main: { sqlite: { file: 'sessions.db' } } }],
      })
      .optional(),
    sessions: named(sessionSpec(v))
      .meta({ description: 'Kinds of sessions. Routes that name none take the one named `default`.' })
      .optional(),
    upstreams: named(upstream(v))
      .meta({
        description: 'Applications behind the gateway: name → URL, list of URLs, or an object.',
        samples: [{ shop: 'http://127.0.0.1:3000' }],
      })
      .optional(),
    routes: z
      .array(route(v))
      .meta({
        description: 'Which requests go where. What no route takes is answered with 404.',
        samples: [[{ upstream: 'http://127.0.0.1:3000' }]],
      })
      .optional(),
    accessLog: accessLog(v)
      .meta({ description: 'One line of JSON per request on standard output, or `off`.' })
      .optional(),
    shutdown: shutdown(v).meta({ description: 'How the gateway ends.' }).optional(),
  })
}

/** A `coatcheck.yaml` that was read: durations in milliseconds, sizes in bytes, references answered. */
export type NativeDocument = z.output<ReturnType<typeof documentSchema>>

function internal(v: Values) {
  const address = v.address().meta({
    description: 'Where `/livez`, `/readyz`, `/startupz`, `/healthz` and `/metrics` are answered.',
    usual: formatAddress(defaults.internal.address),
  })
  return z.union([v.value(z.union([off(), addressText])), fields({ address })])
}

function accessLog(v: Values) {
  const { enabled, sessionField } = defaults.accessLog
  const full = fields({
    enabled: v.flag().meta({ description: 'Whether it is written.', usual: enabled }).optional(),
    sessionField: v
      .text()
      .meta({ description: 'Field that holds the session’s id; dots nest.', usual: sessionField })
      .optional(),
  })
  return z.union([v.value(off()), full])
}

function shutdown(v: Values) {
  return fields({
    grace: v
      .duration(longestTimer)
      .meta({
        description: 'How long requests in flight may go on after SIGTERM.',
        usual: formatDuration(defaults.shutdown.grace),
      })
      .optional(),
  })
}
