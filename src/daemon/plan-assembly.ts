import type { Ground } from './ground.ts';
import { Abandoning } from './plans/homecoming/abandoning.ts';
import { Collisions } from './plans/conflicts/collisions.ts';
import { Completing } from './plans/homecoming/completing.ts';
import { Completion } from './plans/homecoming/completion.ts';
import { Completions } from './plans/homecoming/completions.ts';
import { ConflictWatch } from './plans/conflicts/conflict-watch.ts';
import { Conflicts } from './plans/conflicts/conflicts.ts';
import { CurrentPlan } from './plans/current-plan.ts';
import { Gate } from './plans/gate.ts';
import { GivenWorktrees } from './plans/given-worktree.ts';
import { InterruptedCompletions } from './plans/homecoming/interrupted-completions.ts';
import { Launcher } from './plans/launcher.ts';
import { MergeOrders } from './plans/conflicts/merge-orders.ts';
import { PlanFactsReader } from './plans/plan-facts.ts';
import { PlanModels } from './plans/plan-model.ts';
import { PlanTasks } from './plans/tasks/plan-tasks.ts';
import { PlanUpdates } from './plans/plan-updates.ts';
import { Plans } from './plans/plans.ts';
import { PullRequests } from './plans/homecoming/pull-request.ts';
import { Rebasing } from './plans/homecoming/rebasing.ts';
import { Starter } from './plans/starter.ts';
import { Verification } from './plans/homecoming/verification.ts';
import { Wishes } from './plans/wishes.ts';
import { buildWorktrees } from './worktree-assembly.ts';
import type { Watched } from './run-assembly.ts';

/** Everything about plans, from their start to their way home, on top of their worktrees. */
export function buildPlans(ground: Ground, runs: Watched, isEnding: () => boolean) {
  const planned = buildStarts(ground, runs, isEnding);
  const conflicts = new Conflicts(planned);
  return {
    ...planned,
    ...buildHomecoming(ground, planned),
    conflicts,
    conflictWatch: new ConflictWatch({ ...planned, conflicts, isEnding }),
    planTasks: new PlanTasks(planned),
    currentPlan: new CurrentPlan(planned),
    planUpdates: new PlanUpdates(planned),
  };
}

function buildStarts(ground: Ground, runs: Watched, isEnding: () => boolean) {
  const { socket } = ground.paths;
  const worktrees = buildWorktrees(ground, runs, {
    stopRun: (run) => plans.stopRun(run, {}),
    lastLook: (worktree) => facts.lastLook(worktree),
    isEnding,
  });
  const facts: PlanFactsReader = new PlanFactsReader(worktrees);
  const collisions = new Collisions(ground);
  const built = { ...ground, ...runs, ...worktrees, facts, collisions };
  const launcher = new Launcher({ ...built, socket });
  const gate = new Gate(built);
  const givenWorktrees = new GivenWorktrees(built);
  const wishes = new Wishes({ ...built, givenWorktrees });
  const starter = new Starter({ ...built, givenWorktrees, wishes, launcher, gate, socket, isEnding });
  const planModels = new PlanModels({ ...built, gate });
  const plans: Plans = new Plans({ ...built, launcher, starter, models: planModels });
  return { ...built, launcher, gate, plans, planModels };
}

/** How plans come home, or are given up. */
function buildHomecoming(ground: Ground, planned: ReturnType<typeof buildStarts>) {
  const { trials, verifyLogs } = ground.paths;
  const verification = new Verification({ ...planned, verifyLogs });
  const completing = new Completing(planned);
  const pullRequests = new PullRequests(ground);
  const completion = new Completion({ ...planned, verification, completing, pullRequests, trials });
  const mergeOrders = new MergeOrders({ ...planned, trials });
  return {
    verification,
    completion,
    mergeOrders,
    interrupted: new InterruptedCompletions({ completion }),
    completions: new Completions({ completion, orders: mergeOrders }),
    rebasing: new Rebasing(planned),
    abandoning: new Abandoning(planned),
  };
}
