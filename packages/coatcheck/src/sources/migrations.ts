/** Migrations of the sealing that have come to their end. */
import { type Diagnostic, formatInstant, type GatewayModel, type PlaceOf } from '@coatcheck/model'

export interface MigrationOptions {
  readonly placeOf: PlaceOf
  /** Milliseconds since 1970. */
  readonly now: number
}

export function checkMigrations({ sessions }: GatewayModel, { placeOf, now }: MigrationOptions): Diagnostic[] {
  return sessions.flatMap(({ name, sealing }, index) => {
    if (sealing.kind !== 'migrate' || sealing.until === undefined || sealing.until > now) return []
    return [
      {
        severity: 'warning',
        code: 'migration-over',
        place: placeOf(`/sessions/${index}/sealing`),
        message: `The migration of session "${name}" ended at ${formatInstant(sealing.until)}.`,
        consequence:
          sealing.from.kind === 'none'
            ? 'Records that are not sealed are not read any more: whoever has such a session begins anew.'
            : 'Records under the sealing before it are not read any more: whoever has such a session gets 503.',
        remedy: 'Write the new sealing alone; or, if such sessions are still needed, a later until.',
      },
    ]
  })
}
