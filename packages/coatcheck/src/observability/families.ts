import { counter, gauge, histogram } from './family.ts'

const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const storeSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const bytes = [100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

/** Every metric family of ours. `docs/reference/metrics.md` has a row for each; a test compares them. */
export function families() {
  return {
    build: gauge('coatcheck_build_info', 'Always 1; its labels say what runs.', ['version', 'revision'], 'max'),
    requests: counter('coatcheck_http_requests_total', 'Requests that were finished.', [
      'listener',
      'route',
      'method',
      'code',
    ]),
    requestDuration: histogram(
      'coatcheck_http_request_duration_seconds',
      'Time from the headers of a request to the last byte of its answer.',
      ['route', 'method'],
      seconds,
    ),
    requestsInFlight: gauge(
      'coatcheck_http_requests_in_flight',
      'Requests that are being answered.',
      ['listener'],
      'sum',
    ),
    requestSize: histogram('coatcheck_http_request_size_bytes', 'Bytes of requests as received.', ['route'], bytes),
    responseSize: histogram(
      'coatcheck_http_response_size_bytes',
      'Bytes of responses as sent, without early answers (1xx).',
      ['route'],
      bytes,
    ),
    connections: gauge('coatcheck_connections_open', 'Open connections of clients.', ['listener', 'protocol'], 'sum'),
    created: counter('coatcheck_sessions_created_total', 'Sessions that were created.', ['session']),
    reused: counter('coatcheck_sessions_reused_total', 'Requests that brought a living session.', ['session']),
    rotated: counter('coatcheck_sessions_rotated_total', 'Tickets that were replaced; the session goes on.', [
      'session',
    ]),
    ended: counter('coatcheck_sessions_ended_total', 'Sessions that this gateway saw end.', ['session', 'reason']),
    rejected: counter('coatcheck_sessions_rejected_total', 'Tickets and sealed cookies that were not accepted.', [
      'session',
      'reason',
    ]),
    oldSeals: counter(
      'coatcheck_sessions_opened_old_seal_total',
      'Reads of sessions that are sealed in an older way, or under an older key, than what is written now.',
      ['session'],
    ),
    oldSealUntil: gauge(
      'coatcheck_sessions_old_seal_until_timestamp_seconds',
      'When migrate, or the older key, may go: sessions under it that were seen have ended by then.',
      ['session'],
      'max',
    ),
    cacheLookups: counter('coatcheck_session_cache_lookups_total', 'Looks into the cache of opened sessions.', [
      'result',
    ]),
    storeDuration: histogram(
      'coatcheck_store_operation_duration_seconds',
      'Time that an operation of a store took.',
      ['store', 'operation'],
      storeSeconds,
    ),
    storeErrors: counter('coatcheck_store_errors_total', 'Operations of a store that failed.', [
      'store',
      'operation',
      'reason',
    ]),
    storeUp: gauge('coatcheck_store_up', '1 while the store answers, 0 while it does not.', ['store'], 'min'),
    storeFull: gauge(
      'coatcheck_store_full',
      '1 while the memory of a Redis is full, so that it starts and changes no session, else 0.',
      ['store'],
      'max',
    ),
    storeUnconfirmed: counter(
      'coatcheck_store_unconfirmed_total',
      'Writes that fewer replicas confirmed in time than were asked for.',
      ['store', 'operation'],
    ),
    upstreamDuration: histogram(
      'coatcheck_upstream_request_duration_seconds',
      'Time from sending a request to the headers of its response.',
      ['upstream'],
      seconds,
    ),
    upstreamErrors: counter('coatcheck_upstream_errors_total', 'Attempts at an upstream that failed.', [
      'upstream',
      'reason',
    ]),
    upstreamUp: gauge(
      'coatcheck_upstream_up',
      '1 while the target gets requests, 0 while it is set aside.',
      ['upstream', 'url'],
      'min',
    ),
    mirrorSkipped: counter(
      'coatcheck_mirror_skipped_total',
      'Requests whose copy a mirror did not get, apart from its `percent`.',
      ['route', 'reason'],
    ),
    reloads: counter('coatcheck_config_reloads_total', 'Attempts to load the configuration.', ['result']),
    reloadedAt: gauge(
      'coatcheck_config_last_reload_success_timestamp_seconds',
      'When the configuration that runs was loaded.',
      [],
      'max',
    ),
    certificates: gauge(
      'coatcheck_tls_certificate_not_after_timestamp_seconds',
      'When the certificate ends.',
      ['name'],
      'min',
    ),
    logMessages: counter('coatcheck_log_messages_total', 'Messages of the program that were logged.', ['level']),
    linesDropped: counter('coatcheck_log_lines_dropped_total', 'Lines that an output did not take in time.', [
      'output',
    ]),
  }
}

export type Families = ReturnType<typeof families>
