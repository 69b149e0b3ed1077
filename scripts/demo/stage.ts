import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Pauses until somebody has looked, so that no machine is too slow or too fast to be looked at. */
const agent = String.raw`# Stands in for a coding agent: does the tasks of its plan, ticks them off, commits the result.
plan=$(cat .claude-context/current-plan.txt)
tick() { sed "s/\[ \] $1/[x] $1/" "$plan" > tmp && mv tmp "$plan" && echo "done: $1"; }
echo "reading $plan on $(git branch --show-current), ports $WTD_PORT_START-$WTD_PORT_END"
echo "made by run $WTD_RUN" > "$WTD_PLAN.txt"
tick 1.1
turns=0
until [ -e "$DEMO_LOOKED" ] || [ "$turns" -ge 300 ]; do turns=$((turns + 1)); sleep 0.1; done
sleep 1
tick 1.2
git add --all
git commit --quiet --message "$(sed -n 's/^# //p' "$plan")"
echo "committed $(git log -1 --format=%h)"
`;

const planFile = (title: string, product: string) => `# ${title}

## Phase 1: All of it

- [ ] 1.1 Write ${product}
- [ ] 1.2 Check it
`;

/** Runs are measured often, so that the first picture of them tells something. */
const configuration = 'limits: { sample_interval: 200ms }\n';

/** A repository and a home for wtd in a directory of their own, gone when disposed. */
export class Stage implements AsyncDisposable {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(directory: string) {
    this.directory = directory;
    this.environment = environmentFor(directory);
  }

  /** With a plan file for each plan; `titles` says by name what they are about. */
  static async setUp(titles: ReadonlyMap<string, string>): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(await realpath(tmpdir()), 'wtd-demo-')));
    await stage.#furnish(titles).catch(async (error: unknown) => {
      await stage[Symbol.asyncDispose]();
      throw error;
    });
    return stage;
  }

  get repository(): string {
    return join(this.directory, 'shop');
  }

  /** The agents finish their work from now on. */
  async letAgentsFinish(): Promise<void> {
    await writeFile(this.environment['DEMO_LOOKED'] ?? '', '');
  }

  async #furnish(titles: ReadonlyMap<string, string>): Promise<void> {
    const home = join(this.directory, 'home');
    await mkdir(home, { mode: 0o700 });
    await writeFile(join(home, 'config.yaml'), configuration);
    await mkdir(join(this.repository, 'plans'), { recursive: true });
    for (const [name, title] of titles) {
      await writeFile(join(this.repository, 'plans', `${name}.md`), planFile(title, `${name}.txt`));
    }
    await writeFile(join(this.repository, 'agent.sh'), agent);
    for (const args of [
      ['init', '--quiet', '--initial-branch=main'],
      ['add', '--all'],
      ['commit', '--quiet', '--message', 'Start the shop'],
    ]) {
      await execa('git', args, { cwd: this.repository, env: this.environment, extendEnv: false });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The caller's, but nothing of another wtd, another repository or the user's own configuration of git. */
function environmentFor(directory: string): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(WTD|GIT|CLAUDE)_/.test(name) ? [] : [[name, value] as const],
  );
  return {
    ...Object.fromEntries(kept),
    WTD_HOME: join(directory, 'home'),
    DEMO_LOOKED: join(directory, 'looked'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Demo',
    GIT_AUTHOR_EMAIL: 'demo@example.com',
    GIT_COMMITTER_NAME: 'Demo',
    GIT_COMMITTER_EMAIL: 'demo@example.com',
  };
}
