import { Calls, refusal } from './calls.ts';
import type { Channel } from './channel.ts';
import { isTooComplex } from './complexity.ts';
import { invalidRequest, parseError, type RpcError } from './errors.ts';
import { LineReader } from './framing.ts';
import type { Holder, Holdings } from './holdings.ts';
import {
  bytesPerMessage,
  lingerMs,
  maxBatchMessages,
  maxLineBytes,
  maxNesting,
  maxUnreadBytes,
  maxValues,
  messagesPerTurn,
} from './limits.ts';
import { parseLine } from './message.ts';
import { OpenStreams, type OpenStream } from './open-streams.ts';
import { nextTurn } from './turn.ts';

export interface Connection {
  readonly id: number;
  /** Called once nothing can be answered any more; at once if it is so already. */
  onClose(listener: () => void): void;
  /** Aborted at the same moment. */
  readonly signal: AbortSignal;
  /** Lets the other side read what was answered, but no longer than a moment. */
  close(): void;
}

export interface Handler {
  has(method: string): boolean;
  /** It may take as long as somebody else needs; it is not counted among the calls in flight. */
  waits(method: string): boolean;
  /** Gives a value or a StreamSource; throws RpcError on purpose. */
  call(method: string, params: Record<string, unknown>, connection: Connection): Promise<unknown>;
  /** A defect that escaped from `call`; the client is told no details. */
  report(error: unknown): void;
}

/** What a connection shares with the others of its server. */
interface Place {
  id: number;
  holdings: Holdings;
}

/** Answers what comes over a channel until it closes. */
export const serveConnection = (channel: Channel, handler: Handler, place: Place): Connection =>
  new ServedConnection(channel, handler, place);

class ServedConnection implements Connection, Holder {
  readonly id: number;
  readonly #channel: Channel;
  readonly #holdings: Holdings;
  readonly #handler: Handler;
  readonly #lines = new LineReader(maxLineBytes);
  readonly #streams: OpenStreams;
  readonly #calls: Calls;
  readonly #closed = new AbortController();
  readonly #closeListeners: (() => void)[] = [];
  #linger: ReturnType<typeof setTimeout> | undefined;
  #input: 'open' | 'ended' = 'open';
  #messagesLeftInTurn = messagesPerTurn;
  #unanswered = 0;

  constructor(channel: Channel, handler: Handler, { id, holdings }: Place) {
    this.id = id;
    this.#holdings = holdings;
    this.#channel = channel;
    this.#handler = handler;
    const report = (error: unknown) => {
      this.#report(error);
    };
    const work = () => {
      this.#work();
    };
    const write = (text: string) => {
      this.#write(text);
    };
    this.#streams = new OpenStreams({ channel, holdings, write, report, onStreamEnd: work });
    this.#calls = new Calls({ handler, connection: this, streams: this.#streams, report, onRoom: work });
    this.#listen();
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  onClose(listener: () => void): void {
    if (this.signal.aborted) listener();
    else this.#closeListeners.push(listener);
  }

  get heldBytes(): number {
    return this.signal.aborted ? 0 : this.#channel.unreadBytes + this.#lines.begunBytes;
  }

  drop(): void {
    this.#release();
    this.#channel.destroy();
  }

  close(): void {
    if (this.signal.aborted) return;
    this.#channel.end();
    // What still arrives is read and dropped: closing on it would cut off the last answer.
    this.#channel.resume();
    this.#linger = setTimeout(() => {
      this.#channel.destroy();
    }, lingerMs);
    this.#release();
  }

  #listen(): void {
    this.#channel.onData((bytes) => {
      if (this.signal.aborted) return;
      this.#lines.push(bytes);
      this.#work();
      this.#holdings.update(this);
    });
    this.#channel.onDrain(() => {
      this.#holdings.update(this);
      this.#work();
    });
    this.#channel.onEnd(() => {
      this.#input = 'ended';
      this.#work();
    });
    this.#channel.onClose(() => {
      clearTimeout(this.#linger);
      this.#release();
    });
  }

  #release(): void {
    if (this.signal.aborted) return;
    this.#closed.abort();
    this.#holdings.forget(this);
    this.#streams.cancelAll();
    for (const listener of this.#closeListeners.splice(0)) {
      try {
        listener();
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** Takes lines while there is room; called again whenever there may be more room. */
  #work(): void {
    while (this.#hasRoom()) {
      const line = this.#nextLine();
      if (line === undefined) {
        this.#rest();
        return;
      }
      this.#receive(line);
    }
    if (!this.signal.aborted) this.#channel.pause();
  }

  #hasRoom(): boolean {
    return (
      !this.signal.aborted &&
      this.#messagesLeftInTurn > 0 &&
      !this.#calls.areFull &&
      this.#channel.unreadBytes <= maxUnreadBytes
    );
  }

  #rest(): void {
    if (this.signal.aborted) return;
    if (this.#input === 'ended' && this.#unanswered === 0 && this.#streams.size === 0) this.close();
    else this.#channel.resume();
  }

  #nextLine(): Uint8Array | undefined {
    try {
      return this.#lines.next();
    } catch {
      this.#refuse(invalidRequest(`Keep each line within ${maxLineBytes} bytes.`));
      return undefined;
    }
  }

  #receive(line: Uint8Array): void {
    this.#spend(1 + Math.floor(line.length / bytesPerMessage));
    if (isTooComplex(line)) {
      this.#send(JSON.stringify(refusal(null, tooComplex())));
      return;
    }
    let message: unknown;
    try {
      message = parseLine(line);
    } catch {
      this.#send(JSON.stringify(refusal(null, parseError())));
      return;
    }
    if (message === undefined) return;
    if (Array.isArray(message)) this.#receiveBatch(message);
    else {
      const announced: OpenStream[] = [];
      void this.#respond(this.#calls.answer(message, announced), announced);
    }
  }

  #receiveBatch(messages: readonly unknown[]): void {
    if (messages.length === 0) {
      this.#send(JSON.stringify(refusal(null, invalidRequest('Put at least one message into a batch.'))));
      return;
    }
    if (messages.length > maxBatchMessages) {
      this.#refuse(invalidRequest(`Put at most ${maxBatchMessages} messages into a batch.`));
      return;
    }
    this.#spend(messages.length);
    const announced: OpenStream[] = [];
    const answers = Promise.all(messages.map((message) => this.#calls.answer(message, announced)));
    const answer = answers.then((all) => {
      const some = all.filter((one) => one !== null);
      return some.length === 0 ? null : `[${some.join(',')}]`;
    });
    void this.#respond(answer, announced);
  }

  async #respond(answer: Promise<string | null>, announced: readonly OpenStream[]): Promise<void> {
    this.#unanswered++;
    const text = await answer;
    this.#unanswered--;
    if (text !== null) this.#send(text);
    for (const stream of announced) this.#streams.start(stream);
    this.#work();
  }

  /** One last error, because what follows on this connection cannot be understood. */
  #refuse(error: RpcError): void {
    this.#send(JSON.stringify(refusal(null, error)));
    this.close();
  }

  #send(text: string): void {
    if (!this.signal.aborted) this.#write(`${text}\n`);
  }

  #write(text: string): void {
    this.#channel.write(text);
    this.#holdings.update(this);
  }

  /** A client with a lot to say lets the others speak in between. */
  #spend(messages: number): void {
    const before = this.#messagesLeftInTurn;
    this.#messagesLeftInTurn -= messages;
    if (before <= 0 || this.#messagesLeftInTurn > 0) return;
    nextTurn(() => {
      this.#messagesLeftInTurn = messagesPerTurn;
      this.#work();
    });
  }

  /** A log that cannot be written must not keep the answer from the client. */
  #report(error: unknown): void {
    try {
      this.#handler.report(error);
    } catch {
      // There is nobody left to tell.
    }
  }
}

const tooComplex = (): RpcError =>
  invalidRequest(`Put at most ${maxValues} values into a line, nested at most ${maxNesting} deep.`);
