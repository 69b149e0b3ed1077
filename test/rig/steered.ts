import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { until } from './until.ts';

/** Descriptor 3 is the FIFO of orders, open both ways, so that it never ends; what an order starts does not inherit it. */
const script = `
here=$1
exec 3<>"$here/orders"
echo $$ >>"$here/started"
while read -r order <&3; do
  eval "$order"
done
`;

/** A command for a run that does, order by order, what the test tells it to: /bin/sh with a FIFO for its script. */
export class Steered {
  readonly command: string[];
  readonly #here: string;
  #questions = 0;

  constructor(place: Place, name: string) {
    this.#here = join(place.makeDirectory('steered'), name);
    mkdirSync(this.#here);
    execFileSync('mkfifo', [join(this.#here, 'orders')]);
    const file = join(this.#here, 'script.sh');
    writeFileSync(file, script);
    this.command = ['/bin/sh', file, this.#here];
  }

  /** The pids of the processes that ever carried this command out. */
  starts(): number[] {
    const file = join(this.#here, 'started');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  }

  /** Its pid, once it takes orders; `times`: once it was started so often. */
  async untilStarted(times = 1): Promise<number> {
    await until(() => this.starts().length >= times, `a command was started ${times} times`);
    return this.starts()[times - 1] ?? 0;
  }

  /** Gives an order, a line for /bin/sh. It may not have been carried out yet. */
  async tell(order: string): Promise<void> {
    await until(() => this.#write(`${order}\n`), `the command takes the order: ${order}`);
  }

  /** Gives an order, and answers what it printed once it was carried out. */
  async ask(order: string): Promise<string> {
    const answer = join(this.#here, `answer-${++this.#questions}`);
    await this.tell(`{ ${order}; } >"${answer}.new" 2>&1; mv "${answer}.new" "${answer}"`);
    await until(() => existsSync(answer), `the command carried out: ${order}`);
    return readFileSync(answer, 'utf8').trimEnd();
  }

  /** Prints lines, and answers when they are written. */
  async print(...lines: string[]): Promise<void> {
    await this.tell(lines.map((line) => `echo '${line}'`).join('; '));
    await this.ask(':');
  }

  exit(code: number): Promise<void> {
    return this.tell(`exit ${code}`);
  }

  /** TERM, INT and HUP do nothing any more, also to what is started from now on. */
  async ignoreSignals(): Promise<void> {
    await this.ask(`trap '' TERM INT HUP`);
  }

  /** Starts a process below it and answers its pid. */
  fork(): Promise<number> {
    return this.#start('sleep 1000');
  }

  /** The same in a session of its own, as a daemon would. */
  forkEscaped(): Promise<number> {
    return this.#start('setsid sleep 1000');
  }

  async #start(program: string): Promise<number> {
    const pid = Number(await this.ask(`${program} </dev/null >/dev/null 2>&1 3<&- & echo $!`));
    // Before its exec it is still a copy of the shell, with the shell's traps.
    await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sleep', `${program} was executed`);
    return pid;
  }

  /** False while nobody reads the orders. */
  #write(text: string): boolean {
    let orders: number;
    try {
      orders = openSync(join(this.#here, 'orders'), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') return false;
      throw error;
    }
    try {
      writeSync(orders, text);
      return true;
    } finally {
      closeSync(orders);
    }
  }
}
