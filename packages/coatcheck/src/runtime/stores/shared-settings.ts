import type { SessionSpec } from '@coatcheck/model'

/** What two gateways that share sessions should have alike. */
export function settingsOf({
  timeouts,
  rotateAfter,
  sealing,
  cookie,
  lookup,
}: SessionSpec): Readonly<Record<string, string>> {
  return {
    'timeouts.idle': `${timeouts.idle}`,
    'timeouts.lifetime': `${timeouts.lifetime}`,
    rotateAfter: `${rotateAfter ?? 'off'}`,
    sealing: JSON.stringify(sealing).slice(0, 256),
    cookie: lookup.kind === 'cookie' ? `${cookie.name}; domain ${cookie.domain ?? 'none'}` : `header ${lookup.name}`,
  }
}
