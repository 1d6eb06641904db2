import { check } from './check.ts'
import type { Command } from './command.ts'
import { explain } from './explain.ts'
import { generateKeys } from './keys-generate.ts'
import { protect } from './protect.ts'
import { run } from './run.ts'
import { schema } from './schema.ts'
import { endSessions } from './sessions/end.ts'
import { listSessions } from './sessions/list.ts'
import { showSession } from './sessions/show.ts'
import { translate } from './translate.ts'
import { version } from './version.ts'

/** Every command, in the order of the help. The first one runs when none is named. */
export const commands: readonly [Command, ...Command[]] = [
  run,
  protect,
  check,
  explain,
  translate,
  listSessions,
  showSession,
  endSessions,
  generateKeys,
  schema,
  version,
]
