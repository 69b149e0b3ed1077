import { callMethod } from './call.ts';
import { cleanUp } from './cleanup.ts';
import type { Command, Handler } from './command.ts';
import { completionScript, shells, type Shell } from './completion.ts';
import { completePlans } from './complete.ts';
import { seeDoctor } from './doctor.ts';
import { showEvents } from './events.ts';
import { execPlan } from './exec.ts';
import { usageError } from './failure.ts';
import { showHelp } from './show-help.ts';
import { execInPool } from './pool-exec.ts';
import { reportProgress } from './progress.ts';
import { rebasePlan } from './rebase.ts';
import { callRaw } from './rpc.ts';
import { installService, showService, uninstallService } from './service.ts';
import { printJson } from './session.ts';
import { shutDown } from './shutdown.ts';
import { restartPlan, startPlan } from './start.ts';
import { showStatus } from './status.ts';
import { requireMethod, table, type Parameter, type TableMethod } from './table.ts';
import { waitForPlans } from './wait.ts';
import { createWorktrees, showWorktrees } from './worktree.ts';

/** What the command line adds to a method. */
interface Addition {
  readonly flags?: readonly Parameter[];
  readonly variadic?: boolean;
  /** What the command finds out by itself. */
  readonly optional?: readonly string[];
  readonly handle?: Handler;
}

const flag = (name: string, description: string): Parameter => ({ name, kind: 'boolean', description });

const parametersOf = (method: string, names: readonly string[]): Parameter[] =>
  requireMethod(method).params.filter(({ name }) => names.includes(name));

const additions: Readonly<Record<string, Addition>> = {
  'daemon.doctor': { handle: seeDoctor },
  'daemon.shutdown': { handle: shutDown },
  'plan.progress': {
    flags: [
      { name: 'note', kind: 'string', description: 'What to know about them' },
      ...parametersOf('plan.current', ['env']),
    ],
    optional: ['plan'],
    variadic: true,
    handle: reportProgress,
  },
  'plan.rebase': { handle: rebasePlan },
  'plan.complete': { handle: completePlans },
  'plan.restart': { handle: restartPlan },
  'plan.start': { flags: [flag('wait', 'Wait for its end, and exit as the command did')], handle: startPlan },
  'plan.wait': { variadic: true, handle: waitForPlans },
  'worktree.create': { variadic: true, handle: createWorktrees },
  'status.get': { flags: [flag('watch', 'Show it again whenever it changes')], handle: showStatus },
};

function commandOf(method: TableMethod): Command {
  const { flags = [], variadic = false, optional = [], handle = callMethod } = additions[method.name] ?? {};
  const last = variadic ? method.positional?.at(-1) : undefined;
  const given = method.params.map((parameter) => ({
    ...parameter,
    ...(parameter.name === last && { kind: 'array' as const }),
    ...(optional.includes(parameter.name) && { required: false }),
  }));
  return {
    name: method.name.replace('.', ' '),
    summary: method.summary,
    method: method.name,
    parameters: [...given, ...flags],
    positional: method.positional ?? [],
    variadic,
    ...(method.rest && { rest: method.rest }),
    ...(method.short && { short: method.short }),
    ...(method.letters && { letters: method.letters }),
    handle,
  };
}

/** What exists only on the command line. */
const ownCommands: readonly Command[] = [
  {
    name: 'exec',
    summary: 'Run a plan in this terminal, in its worktree (default command: your shell)',
    parameters: parametersOf('run.register', ['plan', 'repository', 'cwd', 'base', 'command']),
    positional: ['plan'],
    rest: 'command',
    handle: execPlan,
  },
  {
    name: 'cleanup',
    summary: 'Tell which worktrees a sweep would remove, or remove them; unsaved and unmerged work always stays',
    parameters: [...requireMethod('cleanup.plan').params, flag('execute', 'Remove them')],
    positional: [],
    handle: cleanUp,
  },
  {
    name: 'pool exec',
    summary: 'Run a command in a worktree of the pool, and give it back when it ends (default command: your shell)',
    parameters: [
      ...requireMethod('pool.acquire').params.filter(({ name }) => !['holder', 'bind', 'ttlMs'].includes(name)),
      ...parametersOf('run.register', ['command']),
    ],
    positional: [],
    rest: 'command',
    handle: execInPool,
  },
  {
    name: 'events',
    summary: 'List the last events, or follow them as they happen',
    parameters: [...requireMethod('event.list').params, flag('follow', 'Go on with those to come')],
    positional: [],
    letters: { f: 'follow' },
    handle: showEvents,
  },
  {
    name: 'worktree status',
    summary: 'Show the worktrees with what is true of each, or one of them',
    parameters: [
      ...requireMethod('worktree.list').params,
      ...parametersOf('worktree.show', ['worktree']).map((given) => ({ ...given, required: false })),
    ],
    positional: ['worktree'],
    handle: showWorktrees,
  },
  {
    name: 'worktree cleanup',
    summary: 'The same as worktree remove',
    method: 'worktree.remove',
    parameters: requireMethod('worktree.remove').params,
    positional: ['worktree'],
    handle: callMethod,
  },
  {
    name: 'daemon',
    summary: 'Be the daemon, in the foreground',
    parameters: [],
    positional: [],
    handle: () => Promise.reject(usageError('daemon takes no flags', 'run it as: wtd daemon')),
  },
  {
    name: 'shutdown',
    summary: 'End the daemon; runs live on unless told otherwise',
    parameters: [flag('stopRuns', 'Stop the runs first')],
    positional: [],
    handle: shutDown,
  },
  {
    name: 'service install',
    summary: 'Let systemd or launchd keep the daemon, from now on and in every session',
    parameters: [],
    positional: [],
    handle: installService,
  },
  {
    name: 'service uninstall',
    summary: 'Undo that; runs live on',
    parameters: [],
    positional: [],
    handle: uninstallService,
  },
  {
    name: 'service status',
    summary: 'Tell how the service is, and what to do about it',
    parameters: [],
    positional: [],
    handle: showService,
  },
  {
    name: 'rpc',
    summary: 'Call any method with parameters as JSON',
    parameters: [
      { name: 'method', kind: 'string', required: true, description: 'Name of a method, such as plan.show' },
      { name: 'params', kind: 'string', description: 'Its parameters, one JSON object' },
    ],
    positional: ['method', 'params'],
    handle: callRaw,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    parameters: [{ name: 'shell', kind: 'string', required: true, enum: shells, description: 'Which shell' }],
    positional: ['shell'],
    handle: async ({ values }, { terminal, json }) => {
      const script = completionScript(values['shell'] as Shell, listCommands());
      await (json ? printJson(terminal, { script }) : terminal.print(script));
      return 0;
    },
  },
  {
    name: 'help',
    summary: 'Show all commands, or what one of them takes',
    parameters: [{ name: 'command', kind: 'array', description: 'Words of a command' }],
    positional: ['command'],
    variadic: true,
    handle: ({ values }, session) =>
      showHelp(listCommands(), (values['command'] as string[] | undefined) ?? [], session),
  },
];

/** Every command there is. */
export const listCommands = (): Command[] => [...table.methods.map(commandOf), ...ownCommands];
