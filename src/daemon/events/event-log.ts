import type { Logger } from '../log.ts';
import type { EventRow } from '../registry/events.ts';
import type { Registry } from '../registry/registry.ts';

/** Writes a line into the daemon's log for every event, under its number in the journal. */
export function logEvents(registry: Registry, log: Logger): Disposable {
  return registry.onEvent(({ seq, type, data, ...about }) => {
    log.info({ seq, ...named(about), data }, type);
  });
}

/** Without what the event is not about; the line has a time of its own. */
const named = ({ repository, plan, run, worktree }: Pick<EventRow, 'repository' | 'plan' | 'run' | 'worktree'>) =>
  Object.fromEntries(Object.entries({ repository, plan, run, worktree }).filter(([, name]) => name !== null));
