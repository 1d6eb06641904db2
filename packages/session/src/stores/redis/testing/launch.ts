import { type Folder, folder, type Settings, startServer } from './processes.ts'

export interface TestServerOptions {
  /** Lines of the configuration of every data server: `{ requirepass: 'p', timeout: 1, maxmemory: '4mb' }`. */
  readonly settings?: Settings
  /** Lines for a data server's port, as `tls-port`. `port` is 0 in them when that is what clients use. */
  readonly portSettings?: (port: number) => Settings
  /** How `redis-cli` reaches them as the user that may do everything, when not plainly: `['-a', 'p']`. */
  readonly cli?: readonly string[]
}

/** What every server here is configured with: loopback alone, nothing on disk. */
function basics(port: number, { path }: Folder): Settings {
  return {
    port,
    bind: '127.0.0.1 127.0.0.2',
    dir: path,
    save: '',
    appendonly: 'no',
    dbfilename: `${port}.rdb`,
    'repl-diskless-sync': 'yes',
    'repl-diskless-sync-delay': 0,
  }
}

/** Starts a data server at a port, with more settings of its own. */
export function launcher(place: Folder, { settings = {}, portSettings = () => ({}), cli = [] }: TestServerOptions) {
  return (port: number, more: Settings = {}) =>
    startServer({
      folder: place.path,
      port,
      settings: { ...basics(port, place), ...more, ...settings, ...portSettings(port) },
      cli,
    })
}

/** What is started in a folder of its own, and ends with it; at once where not all of it starts. */
export async function startedIn<Started extends object>(
  start: (place: Folder) => Promise<Started>,
): Promise<Started & AsyncDisposable> {
  const place = folder()
  try {
    return Object.assign(await start(place), { [Symbol.asyncDispose]: place.end })
  } catch (error) {
    await place.end()
    throw error
  }
}
