import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';

const newline = 10;
const request = '{"jsonrpc":"2.0","id":1,"method":"daemon.status","params":{}}\n';

/** Sends the same request to wtd or the echo and counts the answers, so that the client costs both the same. */
export class Connection implements Disposable {
  readonly #socket: Socket;
  #onAnswers: (count: number) => void = () => undefined;
  #onFailure: (error: Error) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      let count = 0;
      for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count++;
      if (count > 0) this.#onAnswers(count);
    });
    socket.on('error', (error) => {
      this.#onFailure(error);
    });
    socket.on('close', () => {
      this.#onFailure(new Error('the connection was ended'));
    });
  }

  static async open(path: string): Promise<Connection> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return new Connection(socket);
  }

  /** Until all are answered; at most `depth` of them wait for their answers at a time. */
  request(count: number, depth = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      let unsent = count;
      let unanswered = count;
      const send = (most: number) => {
        const sent = Math.min(most, unsent);
        unsent -= sent;
        if (sent > 0) this.#socket.write(request.repeat(sent));
      };
      this.#onFailure = reject;
      this.#onAnswers = (answers) => {
        unanswered -= answers;
        if (unanswered === 0) resolve();
        else send(answers);
      };
      send(depth);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
