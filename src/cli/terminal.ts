type Streams = Pick<NodeJS.Process, 'stdout' | 'stderr'>;

/** How long something may take before people are told what is going on. */
const patienceMs = 300;

/**
 * What the client writes on. The streams are opened when first used, for opening one costs as much as a round trip to
 * the daemon. A reader that goes away, as in `wtd logs | head`, is no error.
 */
export class Terminal {
  readonly #streams: Streams;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #watched = new Set<NodeJS.WriteStream>();
  #isGone = false;

  constructor(streams: Streams, env: Readonly<Record<string, string | undefined>>) {
    this.#streams = streams;
    this.#env = env;
  }

  /** True once nobody reads standard output any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get isInteractive(): boolean {
    return this.#out.isTTY;
  }

  get hasColour(): boolean {
    return this.isInteractive && !this.#env['NO_COLOR'];
  }

  /** In characters; undefined where nobody looks at it as it is. */
  get width(): number | undefined {
    return this.isInteractive && this.#out.columns > 0 ? this.#out.columns : undefined;
  }

  /** Writes to standard output, and waits while its reader is behind. */
  async print(text: string): Promise<void> {
    const out = this.#out;
    if (this.#isGone || out.write(text)) return;
    await new Promise<void>((resolve) => {
      out.once('drain', resolve);
      out.once('close', resolve);
    });
  }

  /** Says something beside the answer, on standard error. */
  say(text: string): void {
    this.#guard(this.#streams.stderr).write(text);
  }

  /** Shows on a terminal that something takes longer than a moment; the answer takes it away again. */
  startProgress(text: string): () => void {
    let isShown = false;
    const timer = setTimeout(() => {
      isShown = this.#streams.stderr.isTTY;
      if (isShown) this.say(`${text} ...`);
    }, patienceMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
      if (isShown) this.say('\r\u001b[K');
      isShown = false;
    };
  }

  get #out(): NodeJS.WriteStream {
    return this.#guard(this.#streams.stdout);
  }

  #guard(stream: NodeJS.WriteStream): NodeJS.WriteStream {
    if (this.#watched.has(stream)) return stream;
    this.#watched.add(stream);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === this.#streams.stdout) this.#isGone = true;
    });
    return stream;
  }
}
