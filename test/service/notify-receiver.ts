import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** Node has no datagram sockets in the file system, Python has. */
const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)
`;

/** What a service manager is to its service: a socket that takes messages, read one by one. */
export async function createNotifyReceiver() {
  const directory = await mkdtemp(join(tmpdir(), 'wtd-notify-'));
  const socket = join(directory, 'notify');
  const python = execa('python3', ['-c', script, socket], { stdout: 'pipe', buffer: false, reject: false });
  const lines = createInterface(python.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done) throw new Error('the receiver ended; is python3 installed?');
    // systemd-notify asks the manager to close a descriptor when it has read so far; that is no news.
    return line.value === 'BARRIER=1' ? next() : line.value;
  };
  await next();
  return {
    socket,
    next,
    async [Symbol.asyncDispose]() {
      python.kill();
      await once(python, 'close');
      await rm(directory, { recursive: true });
    },
  };
}
